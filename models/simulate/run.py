"""Simulation of a cohort (`osteoscreen model simulate`): films, manifests and contact sheet.

The files of a patient depend only on seed and patient. The number of processes, an interruption or
the machine does not change the files. ``digests.csv`` records the finished files.
"""

import csv
import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TextIO, TypeVar

import torch
from rich.console import Console

from models.dataset.entry import Entry, FilmOrigin, Sex, Split
from models.dataset.manifest import write_manifest
from models.io.atomic_file import atomic_path, write_atomically
from models.io.errors import ProcessingError
from models.io.progress import track
from models.simulate.anatomy import Anatomy, AnatomyError, cache_folder, load_anatomy
from models.simulate.anatomy_variants import MAP_SIDE, cached_maps, map_path
from models.simulate.contact_sheet import contact_sheet
from models.simulate.film_files import FORMATS, Recipe, film_paths, make_films, twin_of
from models.simulate.hospitals import SIMULATION_VERSION
from models.simulate.patients import Patient, draw_cohort

MINIMUM_PATIENTS = 60
"""Minimum size of a cohort; in a smaller cohort, a split could lack one of the classes."""

_DIGESTS = "digests.csv"
_SHEET_COLUMNS = 8
_BYTES_PER_PIXEL = {"png": 1.25, "dicom": 1.1}
_BYTES_PER_VARIANT = 3 * 2 * MAP_SIDE**2

Item = TypeVar("Item")
Result = TypeVar("Result")
Digests = dict[str, str]
"""SHA-256 digests of a patient's files; each key is a path relative to the output folder."""


class SimulationError(ProcessingError):
    """The cohort cannot be simulated. The message states the reason and the remedy."""


@dataclass(frozen=True)
class CohortOrder:
    """Request for a cohort; ``jobs`` is the number of processes; 0 means one per core."""

    patients: int
    out: Path
    seed: int = 1
    jobs: int = 0
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class SimulatedCohort:
    """Result of a simulation: manifests, number of created and reused patients, contact sheet."""

    manifests: tuple[Path, ...]
    created: int
    reused: int
    contact_sheet: Path


def check_order(order: CohortOrder) -> None:
    """Raise SimulationError with a one-line message if a value of the order is invalid."""
    recipe = order.recipe
    if order.patients < MINIMUM_PATIENTS:
        raise SimulationError(f"--patients {order.patients}: must be at least {MINIMUM_PATIENTS}")
    if recipe.form not in FORMATS:
        raise SimulationError(f"--format {recipe.form}: must be one of {', '.join(FORMATS)}")
    if not 96 <= recipe.size <= 2048:
        raise SimulationError(f"--size {recipe.size}: must be 96 to 2048 pixels")
    if order.jobs < 0:
        raise SimulationError(
            f"--jobs {order.jobs}: must be a number of processes, or 0 for one per core"
        )
    if order.seed < 0:
        raise SimulationError(f"--seed {order.seed}: must be at least 0")
    if order.out.exists() and not order.out.is_dir():
        raise SimulationError(f"--out {order.out}: is a file, not a folder")


def simulate_cohort(order: CohortOrder) -> SimulatedCohort:
    """Create all files of the cohort that do not exist yet. Raises SimulationError."""
    check_order(order)
    patients = draw_cohort(order.patients, order.seed)
    maps = cache_folder() / "maps"
    variants = sorted({patient.variant for patient in patients})
    missing = [number for number in variants if not map_path(maps, number, MAP_SIDE).exists()]
    order.out.mkdir(parents=True, exist_ok=True)
    finished = _finished_files(order, patients)
    remaining = [patient for patient in patients if patient.patient_id not in finished]
    _check_disk_space(order, len(remaining), len(missing), maps)
    try:
        for _ in _run_in_processes(partial(_render_variant, maps), missing, order.jobs, "variants"):
            pass
    except AnatomyError as error:
        raise SimulationError(str(error)) from error
    work = partial(_make_files, order, maps)
    with (order.out / _DIGESTS).open("a", newline="", encoding="utf-8") as record:
        for patient, digests in zip(
            remaining, _run_in_processes(work, remaining, order.jobs, "films"), strict=True
        ):
            finished[patient.patient_id] = digests
            _record_digests(order, [patient], finished, record)
            record.flush()
    return _write_manifests(order, patients, finished, len(remaining))


def _finished_files(order: CohortOrder, patients: Sequence[Patient]) -> dict[str, Digests]:
    """Return the file digests by patient; patients with a missing or changed file are left out."""
    recorded: dict[str, tuple[str, Digests]] = {}
    record = order.out / _DIGESTS
    if record.exists():
        with record.open(newline="", encoding="utf-8") as stream:
            # An interrupted run may leave an incomplete line; lines with fewer cells are ignored.
            for row in (row for row in csv.reader(stream) if len(row) == 4):
                identity, digests = recorded.get(row[0], ("", {}))
                recorded[row[0]] = (
                    row[1],
                    (digests if identity == row[1] else {}) | {row[2]: row[3]},
                )
    finished = {}
    for patient in patients:
        identity, digests = recorded.get(patient.patient_id, ("", {}))
        expected = film_paths(patient, order.recipe).values()
        if identity == order.recipe.identity(patient, order.seed) and all(
            _digest(order.out / path) == digests.get(path) for path in expected
        ):
            finished[patient.patient_id] = digests
    return finished


def _record_digests(
    order: CohortOrder, patients: Iterable[Patient], finished: dict[str, Digests], stream: TextIO
) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    for patient in patients:
        identity = order.recipe.identity(patient, order.seed)
        for path, digest in finished[patient.patient_id].items():
            writer.writerow((patient.patient_id, identity, path, digest))


def _write_manifests(
    order: CohortOrder, patients: Sequence[Patient], finished: dict[str, Digests], created: int
) -> SimulatedCohort:
    """Write manifests, contact sheet and settings atomically, after all films."""
    with (
        atomic_path(order.out / _DIGESTS) as part,
        part.open("w", newline="", encoding="utf-8") as stream,
    ):
        _record_digests(order, patients, finished, stream)
    manifests = []
    for name in order.recipe.cohorts():
        manifest = order.out / ("manifest.csv" if name == "films" else f"{name}.csv")
        write_manifest(manifest, [_entry(order, patient, name) for patient in patients])
        manifests.append(manifest)
    settings: dict[str, object] = {"simulation_version": SIMULATION_VERSION, "seed": order.seed}
    settings |= {"patients": order.patients, "recipe": asdict(order.recipe)}
    write_atomically(order.out / "cohort.json", json.dumps(settings, indent=2))
    sheet = order.out / "contact-sheet.png"
    by_site: dict[str, list[Path]] = {}
    for patient in patients:
        film = order.out / film_paths(patient, order.recipe)["films"]
        by_site.setdefault(patient.site, []).append(film)
    contact_sheet([films[:_SHEET_COLUMNS] for films in by_site.values()], sheet)
    return SimulatedCohort(tuple(manifests), created, len(patients) - created, sheet)


def _entry(order: CohortOrder, patient: Patient, cohort: str) -> Entry:
    paths = film_paths(patient, order.recipe)
    labelled = twin_of(patient) if cohort == "twins" else patient
    return Entry(
        path=order.out / paths[cohort],
        patient_id=patient.patient_id,
        site=patient.site,
        split=Split(patient.split),
        label=labelled.label,
        t_score=labelled.t_score,
        age=patient.age,
        sex=Sex(patient.sex),
        weight_kg=patient.weight_kg,
        height_cm=patient.height_cm,
        view=patient.subject().view,
        mask=order.out / paths["mask"] if "mask" in paths else None,
        origin=FilmOrigin.SIMULATED,
    )


def _make_files(order: CohortOrder, maps: Path, patient: Patient) -> Digests:
    """Write the files of one patient and return their digests by path."""
    areal_density = cached_maps(None, patient.variant, MAP_SIDE, maps)
    files = make_films(patient, areal_density, order.recipe)
    paths = film_paths(patient, order.recipe)
    for name, content in files.items():
        write_atomically(order.out / paths[name], content)
    return {paths[name]: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _render_variant(folder: Path, number: int) -> None:
    cached_maps(_anatomy(), number, MAP_SIDE, folder)


@cache
def _anatomy() -> Anatomy:
    """Return the CT; each process reads the CT only once."""
    return load_anatomy()


def _run_in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int, description: str
) -> Iterator[Result]:
    """Yield one result for each item, in order, with a progress bar."""
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1 or len(items) < 2:
        yield from track(map(work, items), description, len(items))
        return
    # Processes are spawned, because torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield from track(pool.map(work, items), description, len(items))
    finally:
        pool.shutdown(cancel_futures=True)


def _check_disk_space(order: CohortOrder, films: int, variants: int, maps: Path) -> None:
    """Print the expected disk use; raise SimulationError if there is not enough space."""
    cohorts = len(order.recipe.cohorts())
    film_bytes = int(films * cohorts * order.recipe.size**2 * _BYTES_PER_PIXEL[order.recipe.form])
    map_bytes = variants * _BYTES_PER_VARIANT
    text = (
        f"{films} of {order.patients} patients to simulate: about {film_bytes / 1e9:.2f} GB in "
        f"{order.out}; "
        f"{variants} anatomy variants to render: {map_bytes / 1e9:.2f} GB in {maps}"
    )
    Console(stderr=True).print(text, soft_wrap=True, highlight=False)
    free = shutil.disk_usage(order.out).free
    if film_bytes + map_bytes > free:
        raise SimulationError(
            f"--out {order.out}: not enough disk space ({free / 1e9:.2f} GB free)"
        )


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
