"""Small films in every transfer syntax that the node takes, made when they are needed.

Encoders differ: pydicom's for RLE, JPEG-LS and JPEG 2000, Pillow's for JPEG, GDCM's for the JPEG
processes without loss and with 12 bits. None here encodes HTJ2K; its decoder is given a JPEG 2000
codestream, which it reads by the same code until the first code block.
"""

from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import gdcm
import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread, uid
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames

from node.ingest.scp import TRANSFER_SYNTAXES

SIDE = 40
_NATIVE = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
_BY_PYDICOM = (
    uid.RLELossless,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
)
_BY_GDCM = {
    uid.JPEGExtended12Bit: gdcm.TransferSyntax.JPEGExtendedProcess2_4,
    uid.JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    uid.JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}


@cache
def films() -> tuple[bytes, ...]:
    """Return a film's file for each transfer syntax, 8 and 12 bits, grey and some in colour."""
    files = [film(syntax, bits) for syntax in TRANSFER_SYNTAXES for bits in _depths(syntax)]
    files += [film(syntax, 8, colour=True) for syntax in (uid.ExplicitVRLittleEndian, *_coloured())]
    return tuple(files)


def film(syntax: str, bits: int, colour: bool = False) -> bytes:
    """Return one film's file."""
    wanted, ds = uid.UID(syntax), _plain(bits, colour)
    if wanted in _BY_GDCM:
        return _by_gdcm(ds, wanted)
    if wanted in _BY_PYDICOM:
        options = {"jls_error": 2} if wanted == uid.JPEGLSNearLossless else {}
        if wanted == uid.JPEG2000:
            options = {"j2k_cr": [5]}
        ds.compress(wanted, generate_instance_uid=False, **options)
    elif wanted == uid.JPEGBaseline8Bit:
        _seal(ds, _jpeg(ds), wanted)
    elif wanted == uid.HTJ2KLossless:
        ds.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
        _seal(ds, next(generate_frames(ds.PixelData, number_of_frames=1)), wanted)
    else:
        assert wanted in _NATIVE, wanted
        if wanted == uid.ExplicitVRBigEndian and bits > 8:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
        ds.file_meta.TransferSyntaxUID = wanted
    return _written(ds)


def _depths(syntax: str) -> tuple[int, ...]:
    # No decoder here reads JPEG Extended of 12 bits, which the node refuses with a clear word.
    return (8,) if syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit) else (8, 12)


def _coloured() -> tuple[str, ...]:
    return (uid.RLELossless, uid.JPEGBaseline8Bit, uid.JPEGLSLossless, uid.JPEG2000Lossless)


def _plain(bits: int, colour: bool) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = uid.ComputedRadiographyImageStorage
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid.UID("1.2.3.4")
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid.UID("1.2.3.5"), uid.UID("1.2.3.6")
    ds.Modality, ds.BodyPartExamined = "CR", "CHEST"
    ds.PixelSpacing, ds.RescaleSlope, ds.RescaleIntercept = [0.2, 0.2], 1, 0
    ds.WindowCenter, ds.WindowWidth = 2 ** (bits - 1), 2**bits
    shape = (SIDE, SIDE, 3) if colour else (SIDE, SIDE)
    kind = np.uint8 if bits == 8 else np.uint16
    ramp = np.linspace(0, 2**bits - 1, SIDE * SIDE).reshape(SIDE, SIDE).astype(kind)
    pixels = np.repeat(ramp[:, :, None], 3, axis=2) if colour else ramp
    assert pixels.shape == shape
    photometric = "RGB" if colour else "MONOCHROME2"
    ds.set_pixel_data(pixels, photometric, bits_stored=bits, generate_instance_uid=False)
    return ds


def _written(ds: Dataset) -> bytes:
    content = BytesIO()
    ds.save_as(content, enforce_file_format=True)
    return content.getvalue()


def _jpeg(ds: Dataset) -> bytes:
    shape = (SIDE, SIDE, 3) if ds.SamplesPerPixel == 3 else (SIDE, SIDE)
    content = BytesIO()
    Image.fromarray(np.frombuffer(ds.PixelData, np.uint8).reshape(shape)).save(content, "JPEG")
    return content.getvalue()


def _seal(ds: Dataset, codestream: bytes, syntax: uid.UID) -> None:
    ds.PixelData = encapsulate([codestream])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.file_meta.TransferSyntaxUID = syntax


def _by_gdcm(ds: Dataset, syntax: uid.UID) -> bytes:
    with TemporaryDirectory() as folder:
        plain, packed = Path(folder) / "plain.dcm", Path(folder) / "packed.dcm"
        plain.write_bytes(_written(ds))
        reader, change, writer = (
            gdcm.ImageReader(),
            gdcm.ImageChangeTransferSyntax(),
            gdcm.ImageWriter(),
        )
        reader.SetFileName(str(plain))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(_BY_GDCM[syntax]))
        change.SetInput(reader.GetImage())
        assert change.Change(), syntax.name
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(packed))
        assert writer.Write()
        assert dcmread(packed).file_meta.TransferSyntaxUID == syntax
        return packed.read_bytes()
