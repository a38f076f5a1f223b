"""Create DICOM files: synthetic films in every transfer syntax, copies of the shipped film.

pydicom encodes RLE, JPEG-LS and JPEG 2000, Pillow encodes baseline JPEG, and GDCM encodes the other
JPEG processes. No encoder for HTJ2K is available: an HTJ2K film contains a JPEG 2000 codestream.
"""

import copy
import threading
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import gdcm
import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread, uid
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pynetdicom.dsutils import split_dataset

from node.demo.run import SHIPPED_FILM

_SUBSAMPLING = 4
_PYDICOM_OPTIONS = {uid.JPEGLSNearLossless: {"jls_error": 2}, uid.JPEG2000: {"j2k_cr": [5]}}
_GDCM_SYNTAXES = {
    uid.JPEGExtended12Bit: gdcm.TransferSyntax.JPEGExtendedProcess2_4,
    uid.JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    uid.JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}
# pydicom parses elements on access, so two threads must not copy one data set at once.
_COPY_LOCK = threading.Lock()


def make_film(
    sop_class: str = uid.ComputedRadiographyImageStorage,
    syntax: str = uid.ExplicitVRLittleEndian,
    *,
    side: int = 256,
    bits: int = 8,
    colour: bool = False,
    **values: object,
) -> FileDataset:
    """Return a grey ramp as a chest film of a 67-year-old, which the default policy admits.

    `values` set elements by keyword; None removes an element. Raises an error for a transfer syntax
    without an encoder.
    """
    ramp = np.linspace(0, 2**bits - 1, side * side).reshape(side, side)
    ramp = ramp.astype(np.uint8 if bits <= 8 else np.uint16)
    pixels = np.repeat(ramp[:, :, None], 3, axis=2) if colour else ramp
    ds = make_image(pixels, BitsStored=bits, HighBit=bits - 1, SOPClassUID=uid.UID(sop_class))
    ds.SOPInstanceUID = uid.generate_uid(None)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid.generate_uid(None), uid.generate_uid(None)
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "CR", "CHEST", "PA"
    ds.PatientName, ds.PatientID, ds.PatientAge, ds.PatientSex = "Doe^Jane", "P1", "067Y", "F"
    for keyword, value in values.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    return encode_film(ds, uid.UID(syntax))


def make_image(pixels: np.ndarray, **attributes: object) -> Dataset:
    """Return a CR data set with these pixels, which has no UIDs and no patient.

    `pixels` is an array of integers, rows x columns or rows x columns x 3. `attributes` set or
    replace elements by keyword.
    """
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID = uid.ComputedRadiographyImageStorage
    set_pixels(ds, pixels)
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def set_pixels(ds: Dataset, pixels: np.ndarray) -> None:
    """Replace the pixels of a data set and the elements that describe them; uncompressed."""
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    colour = pixels.ndim == 3
    ds.SamplesPerPixel = 3 if colour else 1
    if colour:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape[:2]
    bits = pixels.dtype.itemsize * 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"


def encode_film(ds: Dataset, syntax: uid.UID) -> FileDataset:
    """Encode an uncompressed film in another transfer syntax; the film itself is changed."""
    if syntax in _GDCM_SYNTAXES:
        return _encode_with_gdcm(ds, syntax)
    if syntax == uid.JPEGBaseline8Bit:
        _encapsulate(ds, _baseline_jpeg(ds))
    elif syntax == uid.HTJ2KLossless:
        ds.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
        _encapsulate(ds, get_frame(ds.PixelData, 0, number_of_frames=1))
    elif syntax.is_encapsulated:
        ds.compress(syntax, generate_instance_uid=False, **_PYDICOM_OPTIONS.get(syntax, {}))
    elif syntax == uid.ExplicitVRBigEndian and ds.BitsAllocated == 16:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = syntax
    return read_back(ds)


def make_small_film() -> FileDataset:
    """Return the shipped film at a quarter of its resolution, 330 x 304, uncompressed, 200 kB."""
    ds = dcmread(SHIPPED_FILM)
    ds.decompress(generate_instance_uid=False)
    pixels = ds.pixel_array[::_SUBSAMPLING, ::_SUBSAMPLING]
    ds.Rows, ds.Columns = pixels.shape
    ds.ImagerPixelSpacing = [float(value) * _SUBSAMPLING for value in ds.ImagerPixelSpacing]
    ds.PixelData = pixels.tobytes()
    return ds


def copy_film(film: FileDataset) -> FileDataset:
    """Return a copy of a film with the same UIDs, for use in another thread."""
    with _COPY_LOCK:
        return copy.deepcopy(film)


def copy_to_new_study(film: FileDataset) -> FileDataset:
    """Return a copy of a film as the first film of another study."""
    return _renew_uids(copy_film(film))


def copy_with_first_pixel(film: FileDataset, value: int) -> FileDataset:
    """Return a copy with the same UIDs and a changed first pixel, which has 16 bits."""
    ds = copy_film(film)
    ds.PixelData = value.to_bytes(2, "little") + ds.PixelData[2:]
    return ds


def write_to_new_study(film: Path, path: Path, **attributes: str) -> Path:
    """Write a copy of a film as the first film of another study, with changed attributes."""
    ds = _renew_uids(dcmread(film))
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return write_film(ds, path)


def write_film(ds: Dataset, path: Path) -> Path:
    """Write a Part 10 file."""
    ds.save_as(path, enforce_file_format=True)
    return path


def read_back(ds: Dataset) -> FileDataset:
    """Return a data set as pydicom reads it from a file."""
    return dcmread(BytesIO(part10_bytes(ds)))


def part10_bytes(ds: Dataset) -> bytes:
    """Return a data set as the content of a Part 10 file."""
    file = BytesIO()
    ds.save_as(file, enforce_file_format=True)
    return file.getvalue()


def encoded_data_set(path: Path) -> bytes:
    """Return the bytes of a Part 10 file that follow its file meta information."""
    _, offset = split_dataset(path)
    return path.read_bytes()[offset:]


def _renew_uids(ds: FileDataset) -> FileDataset:
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid.generate_uid(), uid.generate_uid()
    return ds


def _baseline_jpeg(ds: Dataset) -> bytes:
    shape = (ds.Rows, ds.Columns, 3) if ds.SamplesPerPixel == 3 else (ds.Rows, ds.Columns)
    pixels = np.frombuffer(ds.PixelData, np.uint8, count=np.prod(shape)).reshape(shape)
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def _encapsulate(ds: Dataset, codestream: bytes) -> None:
    ds.PixelData = encapsulate([codestream])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True


def _encode_with_gdcm(ds: Dataset, syntax: uid.UID) -> FileDataset:
    with TemporaryDirectory() as folder:
        plain, packed = Path(folder) / "plain.dcm", Path(folder) / "packed.dcm"
        write_film(ds, plain)
        reader, writer = gdcm.ImageReader(), gdcm.ImageWriter()
        change = gdcm.ImageChangeTransferSyntax()
        reader.SetFileName(str(plain))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(_GDCM_SYNTAXES[syntax]))
        change.SetInput(reader.GetImage())
        assert change.Change(), syntax.name
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(packed))
        assert writer.Write()
        encoded = dcmread(BytesIO(packed.read_bytes()))
    assert encoded.file_meta.TransferSyntaxUID == syntax
    return encoded
