"""The files of one simulated patient: films as 16-bit PNG or DICOM, and the bone mask."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

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

Float = npt.NDArray[np.float32]

FORMATS = ("png", "dicom")

TWIN_STEP = 0.10
"""By how much of its density a twin differs from the patient, up or down."""

DENSITY_OFF_T_SCORE = -2.0
"""Everybody's density in a density-off cohort: near the middle of the real one."""


@dataclass(frozen=True)
class Recipe:
    """What to make of each patient: film format and longer side, masks, further cohorts."""

    form: str = "png"
    size: int = 576
    masks: bool = False
    twins: bool = False
    density_off: bool = False

    def cohorts(self) -> tuple[str, ...]:
        """Names of the cohorts, the plain one first; each has a manifest and a folder."""
        further = (("twins", self.twins), ("density-off", self.density_off))
        return ("films", *(name for name, wanted in further if wanted))

    def identity(self, patient: Patient, seed: int) -> str:
        """Digest of everything that decides a patient's files."""
        text = f"{SIMULATION_VERSION} {seed} {self!r} {patient!r}"
        return hashlib.sha256(text.encode()).hexdigest()


def film_paths(patient: Patient, recipe: Recipe) -> dict[str, str]:
    """Each file of a patient by cohort (or ``mask``), relative to the cohort's folder."""
    suffix = "dcm" if recipe.form == "dicom" else "png"
    place = f"{patient.site}/{patient.patient_id}"
    found = {name: f"{name}/{place}.{suffix}" for name in recipe.cohorts()}
    return found | ({"mask": f"masks/{place}.png"} if recipe.masks else {})


def twin_of(patient: Patient) -> Patient:
    """The patient with a tenth more or less bone; half of them either way, label as measured."""
    sign = 1.0 if patient.seed % 2 else -1.0
    factor = density_factor(patient.latent) * (1.0 + sign * TWIN_STEP)
    latent = (factor - 1.0) * REFERENCE_BMD / SPREAD_BMD
    measured = round(patient.t_score + latent - patient.latent, 2)
    return replace(patient, latent=latent, t_score=measured, label=measured <= -2.5)


def make_films(patient: Patient, maps: Float, recipe: Recipe) -> dict[str, bytes]:
    """All files of one patient, as bytes by cohort or ``mask``."""
    subject = patient.subject()
    scene = compose_scene(maps, subject, recipe.size)
    shown = {
        "films": subject,
        "twins": replace(subject, t_score=twin_of(patient).latent),
        "density-off": replace(subject, t_score=DENSITY_OFF_T_SCORE),
    }
    files = {
        name: _encode(expose_scene(scene, shown[name]), patient, shown[name], (name, recipe))
        for name in recipe.cohorts()
    }
    return files | ({"mask": _mask(scene)} if recipe.masks else {})


def _encode(
    film: Float, patient: Patient, subject: SimulatedSubject, made: tuple[str, Recipe]
) -> bytes:
    name, recipe = made
    stream = io.BytesIO()
    if recipe.form == "png":
        deep = np.round(film * 65535).astype(np.uint16)
        Image.fromarray(deep).save(stream, "PNG", compress_level=3)
    else:
        header = _header(
            patient, subject, f"{SIMULATION_VERSION}-{recipe.size}-{name}-{patient!r}", recipe.size
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
        # Films are taken in January, before everybody's birthday.
        born=f"{2025 - patient.age}0614",
        taken="20260112",
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
