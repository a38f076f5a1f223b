"""A simulated film as a Digital X-Ray Image for presentation (PS3.3 A.26), with a complete header.

The same header and pixels give the same bytes and UIDs.
"""

import uuid
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
)

from models.images.grayscale_pipeline import Float
from models.simulate.anatomy import ATTRIBUTION

_NAMESPACE = uuid.UUID("6f1d7a52-31a7-5d0c-9a54-0f6f5d1f0d3e")
_VIEWS = {"PA": ("272479007", "postero-anterior"), "AP": ("399348003", "antero-posterior")}


@dataclass(frozen=True)
class SimulatedHeader:
    """Header values of one film.

    UIDs are derived from ``identity``. ``birth_date`` and ``study_date`` are DICOM dates (DA).
    ``spacing_mm`` is the pixel spacing at the detector.
    """

    identity: str
    patient_id: str
    patient_name: str
    birth_date: str
    study_date: str
    sex: str
    age: int
    height_m: float
    weight_kg: float
    accession: str
    view: str
    spacing_mm: float
    bits: int
    monochrome1: bool


def build_dataset(film: Float, header: SimulatedHeader) -> Dataset:
    """Return the DX object, with file meta, of a film in 0..1; pixels are lossless JPEG-LS."""
    ds = Dataset()
    _patient_and_study(ds, header)
    _series_and_equipment(ds, header)
    _image(ds, header)
    _anatomy(ds, header)
    polarised = 1.0 - film if header.monochrome1 else film
    stored = np.round(polarised * (2**header.bits - 1)).astype(np.uint16)
    ds.Rows, ds.Columns = stored.shape
    ds.PixelData = stored.tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    return ds


def _uid(level: str, header: SimulatedHeader) -> UID:
    """Return a UID derived from a UUID (PS3.5 B.2); the same identity gives the same UID."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, f'{level}-{header.identity}').int}")


def _patient_and_study(ds: Dataset, header: SimulatedHeader) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = header.patient_name
    ds.PatientID = header.patient_id
    ds.PatientBirthDate = header.birth_date
    ds.PatientSex = header.sex
    ds.PatientAge = f"{header.age:03d}Y"
    ds.PatientSize = f"{header.height_m:.4g}"
    ds.PatientWeight = f"{header.weight_kg:.4g}"
    ds.StudyInstanceUID = _uid("study", header)
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = header.study_date
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "093000"
    ds.ReferringPhysicianName = ""
    ds.StudyID = "1"
    ds.AccessionNumber = header.accession
    ds.StudyDescription = f"Chest {header.view} (simulated)"


def _series_and_equipment(ds: Dataset, header: SimulatedHeader) -> None:
    ds.Modality = "DX"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.SeriesInstanceUID = _uid("series", header)
    ds.SeriesNumber = 1
    ds.SeriesDescription = "Simulated chest film"
    ds.Manufacturer = "OsteoScreen"
    ds.ManufacturerModelName = "models.simulate"
    ds.SoftwareVersions = "0.1.0"
    ds.DeviceSerialNumber = "0"


def _image(ds: Dataset, header: SimulatedHeader) -> None:
    inverse, bits = header.monochrome1, header.bits
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SOPInstanceUID = _uid("image", header)
    ds.InstanceNumber = 1
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.DerivationDescription = "Simulated: rendered from a chest CT at a known bone density"
    ds.ImageComments = f"Not a patient. {ATTRIBUTION}"
    ds.PatientOrientation = ["L", "F"]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME1" if inverse else "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits, bits - 1
    ds.PixelRepresentation = 0
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = 1 if inverse else -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "INVERSE" if inverse else "IDENTITY"
    ds.WindowCenter, ds.WindowWidth = str(2 ** (bits - 1)), str(2**bits)
    ds.LossyImageCompression = "00"
    ds.BurnedInAnnotation = "NO"
    ds.ImagerPixelSpacing = [f"{header.spacing_mm:.6f}"] * 2
    ds.DetectorType = "SCINTILLATOR"
    ds.AcquisitionContextSequence = Sequence()


def _anatomy(ds: Dataset, header: SimulatedHeader) -> None:
    ds.BodyPartExamined = "CHEST"
    ds.ViewPosition = header.view
    ds.ImageLaterality = "U"
    ds.AnatomicRegionSequence = Sequence([_code("51185008", "SCT", "Chest")])
    value, meaning = _VIEWS[header.view]
    view = _code(value, "SCT", meaning)
    view.ViewModifierCodeSequence = Sequence()
    ds.ViewCodeSequence = Sequence([view])
    ds.PositionerType = "NONE"


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
