"""Files of one simulated patient: films as 16-bit PNG or DICOM, and the bone mask."""

import hashlib
import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from models.images.grayscale_pipeline import Float
from models.simulate.anatomy import REFERENCE_BMD
from models.simulate.dicom import SimulatedHeader, build_dataset
from models.simulate.hospitals import SIMULATION_VERSION
from models.simulate.patients import Patient
from models.simulate.subject import (
    BONE_FLOOR,
    SPREAD_BMD,
    Scene,
    SimulatedSubject,
    compose_scene,
    density_factor,
    expose_scene,
)

FORMATS = ("png", "dicom")

TWIN_STEP = 0.10
"""The bone density of a twin is higher or lower than the original density by this share."""

DENSITY_OFF_T_SCORE = -2.0
"""T-score of all patients in a density-off cohort, near the mean of the original cohort."""


@dataclass(frozen=True)
class Recipe:
    """Format and size of the films, and the further files to create for each patient."""

    form: str = "png"
    size: int = 576
    masks: bool = False
    twins: bool = False
    density_off: bool = False

    def cohorts(self) -> tuple[str, ...]:
        """Return the names of the cohorts, originals first; each has a manifest and a folder."""
        further = (("twins", self.twins), ("density-off", self.density_off))
        return ("films", *(name for name, enabled in further if enabled))

    def identity(self, patient: Patient, seed: int) -> str:
        """Return a digest of everything that determines a patient's files."""
        text = f"{SIMULATION_VERSION} {seed} {self!r} {patient!r}"
        return hashlib.sha256(text.encode()).hexdigest()


def film_paths(patient: Patient, recipe: Recipe) -> dict[str, str]:
    """Return the paths of a patient's files by cohort (or ``mask``), relative to the out folder."""
    suffix = "dcm" if recipe.form == "dicom" else "png"
    name = f"{patient.site}/{patient.patient_id}"
    paths = {cohort: f"{cohort}/{name}.{suffix}" for cohort in recipe.cohorts()}
    return paths | ({"mask": f"masks/{name}.png"} if recipe.masks else {})


def twin_of(patient: Patient) -> Patient:
    """Return the patient with 10 % more bone (odd seed) or 10 % less bone (even seed)."""
    sign = 1.0 if patient.seed % 2 else -1.0
    factor = density_factor(patient.latent) * (1.0 + sign * TWIN_STEP)
    latent = (factor - 1.0) * REFERENCE_BMD / SPREAD_BMD
    measured = round(patient.t_score + latent - patient.latent, 2)
    return replace(patient, latent=latent, t_score=measured, label=measured <= -2.5)


def make_films(patient: Patient, maps: Float, recipe: Recipe) -> dict[str, bytes]:
    """Return all files of one patient as bytes; each key is a cohort or ``mask``."""
    subject = patient.subject()
    scene = compose_scene(maps, subject, recipe.size)
    subjects = {
        "films": subject,
        "twins": replace(subject, t_score=twin_of(patient).latent),
        "density-off": replace(subject, t_score=DENSITY_OFF_T_SCORE),
    }
    files = {
        name: _encode(expose_scene(scene, subjects[name]), patient, subjects[name], (name, recipe))
        for name in recipe.cohorts()
    }
    return files | ({"mask": _mask(scene)} if recipe.masks else {})


def _encode(
    film: Float, patient: Patient, subject: SimulatedSubject, target: tuple[str, Recipe]
) -> bytes:
    cohort, recipe = target
    stream = io.BytesIO()
    if recipe.form == "png":
        pixels = np.round(film * 65535).astype(np.uint16)
        Image.fromarray(pixels).save(stream, "PNG", compress_level=3)
    else:
        header = _header(
            patient,
            subject,
            f"{SIMULATION_VERSION}-{recipe.size}-{cohort}-{patient!r}",
            recipe.size,
        )
        build_dataset(film, header).save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _mask(scene: Scene) -> bytes:
    stream = io.BytesIO()
    bone = np.where(scene.bone > BONE_FLOOR, 255, 0).astype(np.uint8)
    Image.fromarray(bone).save(stream, "PNG")
    return stream.getvalue()


def _header(
    patient: Patient, subject: SimulatedSubject, identity: str, size: int
) -> SimulatedHeader:
    processing = subject.exposure.processing
    return SimulatedHeader(
        identity=identity,
        patient_id=patient.patient_id,
        patient_name="SIMULATED",
        # All films are taken in January and all birthdays are in June, so the age is consistent.
        birth_date=f"{2025 - patient.age}0614",
        study_date="20260112",
        sex=patient.sex,
        age=patient.age,
        height_m=patient.height_cm / 100,
        weight_kg=patient.weight_kg,
        accession="",
        view=subject.view,
        spacing_mm=subject.pose.field_mm / size,
        bits=processing.bits,
        monochrome1=processing.monochrome1,
    )
