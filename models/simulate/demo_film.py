"""Render the demonstration film: python -m models.simulate.demo_film --out film.dcm.

A Digital X-Ray Image for presentation (PS3.3 A.26) of a simulated patient of low density, with
everything a real one carries in its header. The same seed gives the same film and the same UIDs.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGLSLossless,
)

from models.simulate.anatomy import ATTRIBUTION, load_anatomy
from models.simulate.cohort import Subject, render
from models.simulate.exposure import Exposure
from models.simulate.variants import FIELD_MM, render_maps, sample_variant

Float = npt.NDArray[np.float32]

SIDE, COLUMNS, ZOOM, BITS = 1400, 1288, 1.02, 12
SPACING_MM = FIELD_MM / ZOOM / SIDE
"""Spacing at the detector: the film shows the field, less what the zoom crops."""

_VARIANT = 415
_NAMESPACE = uuid.UUID("6f1d7a52-31a7-5d0c-9a54-0f6f5d1f0d3e")

PATIENT = Subject(
    variant=_VARIANT,
    t_score=-4.0,
    label=True,
    regional=(1.0, 1.0, 1.0),
    fat_g_cm2=0.5,
    breast=0.8,
    zoom=ZOOM,
    turn=0.5,
    shift=(0.0, 0.0),
    shot=Exposure(
        seed=_VARIANT,
        hardness=0.4,
        scatter=0.12,
        quanta=50000.0,
        blur=0.6,
        compression=0.4,
        edge=1.1,
        gamma=0.9,
        low=-0.12,
        high=1.08,
        toe=0.5,
        border=(0.0, 0.0, 0.0, 0.0),
        bits=BITS,
        marker=True,
    ),
)


def render_film() -> Float:
    """The demonstration film, float32 (1400, 1288) in 0..1; half a minute."""
    maps = render_maps(load_anatomy(), sample_variant(PATIENT.variant), SIDE)
    film, _ = render(maps, PATIENT, SIDE)
    margin = (SIDE - COLUMNS) // 2
    return film[:, margin : margin + COLUMNS]


def build(film: Float) -> Dataset:
    """DX object of a film in 0..1, compressed without loss by JPEG-LS, with file meta."""
    ds = Dataset()
    _patient_and_study(ds)
    _series_and_equipment(ds)
    _image(ds)
    _anatomy(ds)
    stored = np.round(film * (2**BITS - 1)).astype(np.uint16)
    ds.Rows, ds.Columns = stored.shape
    ds.PixelData = stored.tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.compress(JPEGLSLossless, generate_instance_uid=False)
    return ds


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 when the film is written."""
    parser = argparse.ArgumentParser(prog="python -m models.simulate.demo_film")
    parser.add_argument("--out", type=Path, required=True, help="DICOM file to write")
    chosen = parser.parse_args(arguments)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    build(render_film()).save_as(chosen.out, enforce_file_format=True)
    return 0


def _uid(level: str) -> UID:
    """UID derived from a UUID, PS3.5 B.2: the same film keeps its identity when rebuilt."""
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, f'{level}-{_VARIANT}').int}")


def _patient_and_study(ds: Dataset) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "DEMO^SIMULATED"
    ds.PatientID = "DEMO-0001"
    ds.PatientBirthDate = "19580614"
    ds.PatientSex = "F"
    ds.PatientAge = "067Y"
    ds.PatientSize = "1.58"
    ds.PatientWeight = "55"
    ds.StudyInstanceUID = _uid("study")
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260112"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "093000"
    ds.ReferringPhysicianName = ""
    ds.StudyID = "1"
    ds.AccessionNumber = "DEMO0001"
    ds.StudyDescription = "Chest PA (simulated)"


def _series_and_equipment(ds: Dataset) -> None:
    ds.Modality = "DX"
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.SeriesInstanceUID = _uid("series")
    ds.SeriesNumber = 1
    ds.SeriesDescription = "Simulated chest film"
    ds.Manufacturer = "OsteoScreen"
    ds.ManufacturerModelName = "models.simulate"
    ds.SoftwareVersions = "0.1.0"
    ds.DeviceSerialNumber = "0"


def _image(ds: Dataset) -> None:
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SOPInstanceUID = _uid("image")
    ds.InstanceNumber = 1
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.DerivationDescription = "Simulated: rendered from a chest CT at a known bone density"
    ds.ImageComments = f"Not a patient. {ATTRIBUTION}"
    ds.PatientOrientation = ["L", "F"]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, BITS, BITS - 1
    ds.PixelRepresentation = 0
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "IDENTITY"
    ds.WindowCenter, ds.WindowWidth = str(2 ** (BITS - 1)), str(2**BITS)
    ds.LossyImageCompression = "00"
    ds.BurnedInAnnotation = "NO"
    ds.ImagerPixelSpacing = [f"{SPACING_MM:.6f}"] * 2
    ds.DetectorType = "SCINTILLATOR"
    ds.AcquisitionContextSequence = Sequence()


def _anatomy(ds: Dataset) -> None:
    ds.BodyPartExamined = "CHEST"
    ds.ViewPosition = "PA"
    ds.ImageLaterality = "U"
    ds.AnatomicRegionSequence = Sequence([_code("51185008", "SCT", "Chest")])
    view = _code("399348003", "SCT", "postero-anterior")
    view.ViewModifierCodeSequence = Sequence()
    ds.ViewCodeSequence = Sequence([view])
    ds.PositionerType = "NONE"


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


if __name__ == "__main__":
    sys.exit(main())
