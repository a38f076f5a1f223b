"""Batches of a manifest's films; the films are prepared once and cached on disk."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from models.dataset.entry import Entry, manifest_error
from models.images.dicom import PixelError
from models.images.preprocess import prepare
from models.images.read import read_film
from models.io.progress import track
from models.nets.grid import STRIDE, FilmNet
from models.simulate.subject import T_MEAN, T_SPREAD
from models.training.simulated_batches import Batch

Half = npt.NDArray[np.float16]
Float = npt.NDArray[np.float32]

_ZOOM, _TURN, _SHIFT, _CONTRAST = 0.08, 5.0, 0.04, 0.2
"""Limits of zoom (share), rotation (degrees), shift (share of the side) and contrast (share)."""


@dataclass(frozen=True)
class Films:
    """Prepared films (n, 1, S, S) on disk, labels and T-scores (n,); an unknown value is NaN."""

    pixels: Half
    label: Float
    t_score: Float

    def select(self, index: slice | npt.NDArray[np.intp]) -> "Films":
        """Return the films that a numpy index selects."""
        return Films(self.pixels[index], self.label[index], self.t_score[index])


@dataclass(frozen=True)
class ManifestSource:
    """Shuffled and augmented training films, and held-out films for the validation."""

    films: Films
    held_out: Films
    seed: int
    size: int
    films_per_batch: int = 8

    @property
    def batches_per_epoch(self) -> int:
        """Number of batches that contain each film once."""
        return math.ceil(len(self.films.label) / self.films_per_batch)

    def batch(self, number: int, size: int) -> Batch:
        """Return batch ``number``. An epoch contains each film once, in random order."""
        if size != self.size:
            raise ValueError(f"the films were prepared for {self.size} px, the net needs {size} px")
        epoch, place = divmod(number, self.batches_per_epoch)
        order = np.random.default_rng([41, self.seed, epoch]).permutation(len(self.films.label))
        chosen = order[place * self.films_per_batch : (place + 1) * self.films_per_batch]
        rng = np.random.default_rng([42, self.seed, number])
        film = torch.from_numpy(self.films.pixels[chosen].astype(np.float32))
        return Batch(
            film=_augment(film, rng),
            label=torch.from_numpy(self.films.label[chosen]),
            t_score=torch.from_numpy((self.films.t_score[chosen] - T_MEAN) / T_SPREAD).float(),
            mineral=torch.full((len(chosen), 36), math.nan),
            bone=torch.full((len(chosen), size // STRIDE, size // STRIDE), math.nan),
            twins=False,
        )

    def validate(self, net: FilmNet) -> tuple[Float, Float]:
        """Return logits and labels of the held-out films."""
        return logits(net, self.held_out), self.held_out.label


def logits(net: FilmNet, films: Films) -> Float:
    """Return the net's logits for prepared films, (n,)."""
    device = next(net.parameters()).device
    chunks = []
    with torch.inference_mode():
        for first in range(0, len(films.label), 16):
            chunk = torch.from_numpy(films.pixels[first : first + 16].astype(np.float32))
            chunks.append(net(chunk.to(device)).logit.float().cpu().numpy())
    return np.concatenate(chunks)


def load_films(entries: Sequence[Entry], size: int, folder: Path) -> Films:
    """Decode and prepare films for a net of ``size``, or load them from the cache ``folder``.

    Raises a ManifestError that lists every row whose film cannot be decoded.
    """
    file = folder / f"{fingerprint(entries, size)}.npy"
    if not file.exists():
        _prepare_all(entries, size, file)
    return Films(
        pixels=np.load(file, mmap_mode="r"),
        label=np.array([entry.label for entry in entries], np.float32),
        t_score=np.array(
            [math.nan if entry.t_score is None else entry.t_score for entry in entries], np.float32
        ),
    )


def _prepare_all(entries: Sequence[Entry], size: int, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    shape = (len(entries), 1, size, size)
    ready = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
    faults = []
    for index, entry in enumerate(track(entries, "decoding")):
        try:
            ready[index] = prepare(read_film(entry.path), size).array
        except PixelError as error:
            faults.append(f"row {entry.row} ({error})")
    if faults:
        part.unlink()
        raise manifest_error("films that cannot be read", faults)
    ready.flush()
    part.replace(file)


def fingerprint(entries: Sequence[Entry], size: int) -> str:
    """Return a digest of ``size`` and of path, length and change time of each film's file."""
    digest = hashlib.sha256(str(size).encode())
    for entry in entries:
        state = entry.path.stat()
        digest.update(f"{entry.path.resolve()}|{state.st_size}|{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _augment(film: Tensor, rng: np.random.Generator) -> Tensor:
    """Rotate, scale and shift each film, and change its local contrast; the shape is unchanged."""
    n = len(film)
    zoom = 1.0 + rng.uniform(-_ZOOM, _ZOOM, n)
    turn = np.deg2rad(rng.uniform(-_TURN, _TURN, n))
    right, down = rng.uniform(-_SHIFT, _SHIFT, (2, n)) * 2.0
    cosine, sine = np.cos(turn) * zoom, np.sin(turn) * zoom
    theta = np.stack([[cosine, -sine, right], [sine, cosine, down]]).transpose(2, 0, 1)
    grid = affine_grid(torch.from_numpy(theta).float(), list(film.shape), align_corners=False)
    tone = torch.from_numpy(1.0 + rng.uniform(-_CONTRAST, _CONTRAST, (n, 1, 1, 1))).float()
    return grid_sample(film, grid, align_corners=False) * tone
