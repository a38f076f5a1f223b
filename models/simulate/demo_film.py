"""The demonstration film: python -m models.simulate.demo_film --out film.dcm.

The film is a Digital X-Ray Image for presentation of a simulated patient with low bone density. The
header is as complete as the header of a real film. The same seed gives the same film and UIDs.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from pydicom import Dataset

from models.images.grayscale_pipeline import Float
from models.simulate import dicom
from models.simulate.anatomy import load_anatomy
from models.simulate.anatomy_variants import render_maps, sample_variant
from models.simulate.hospitals import SIMULATION_VERSION
from models.simulate.subject import SimulatedSubject, build_subject, render_film
from models.simulate.vendor_ranges import MIXED

SIDE, COLUMNS, FIELD_MM, BITS = 1320, 1216, 360.0, 12

_VARIANT, _SEED = 415, 15

HEADER = dicom.SimulatedHeader(
    # A changed simulation gives a different film, which needs different UIDs.
    identity=f"{SIMULATION_VERSION}-{_VARIANT}",
    patient_id="DEMO-0001",
    patient_name="DEMO^SIMULATED",
    birth_date="19580614",
    study_date="20260112",
    sex="F",
    age=67,
    height_m=1.58,
    weight_kg=55.0,
    accession="DEMO0001",
    view="PA",
    spacing_mm=FIELD_MM / SIDE,
    bits=BITS,
    monochrome1=False,
)


def demo_subject() -> SimulatedSubject:
    """Return a subject with low bone density, on a film without visible collimator edges."""
    vendor = replace(MIXED, bits=(BITS,), aspects=(COLUMNS / SIDE,), collimated=0.0, marker=1.0)
    subject = build_subject(_SEED, _VARIANT, (-4.0, True), vendor, 0.0)
    return replace(subject, pose=replace(subject.pose, field_mm=FIELD_MM))


def render_demo_film() -> Float:
    """Return the demonstration film, float32 (1320, 1216) in 0..1, after about 30 seconds."""
    maps = render_maps(load_anatomy(), sample_variant(_VARIANT), SIDE)
    return render_film(maps, demo_subject(), SIDE)[0]


def build_demo_dataset(film: Float) -> Dataset:
    """Return the DX object of the demonstration film."""
    return dicom.build_dataset(film, HEADER)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0 after the film is written."""
    parser = argparse.ArgumentParser(prog="python -m models.simulate.demo_film")
    parser.add_argument("--out", type=Path, required=True, help="DICOM file to write")
    options = parser.parse_args(arguments)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    build_demo_dataset(render_demo_film()).save_as(options.out, enforce_file_format=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
