"""Write a simulated cohort: films, manifests, contact sheet; resumable, the same on any machine.

Each patient's files follow from the seed and the patient alone, so neither the number of processes
nor a stop half-way shows in the result. ``digests.csv`` records what is finished.
"""

from __future__ import annotations

import csv
import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TextIO, TypeVar

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from models.dataset.entry import Entry, FilmOrigin, Sex, Split
from models.dataset.manifest import write_manifest
from models.io.atomic_file import whole, write_whole
from models.simulate.anatomy import Anatomy, AnatomyError, cache_folder, load_anatomy
from models.simulate.anatomy_variants import MAP_SIDE, cached_maps, map_path
from models.simulate.contact_sheet import contact_sheet
from models.simulate.film_files import FORMATS, Recipe, film_paths, make_films, twin_of
from models.simulate.hospitals import SIMULATION_VERSION
from models.simulate.patients import Patient, draw_cohort

LEAST_PATIENTS = 60
"""Fewer leave a split without one of the classes."""

_DIGESTS = "digests.csv"
_BYTES_PER_PIXEL = {"png": 1.25, "dicom": 1.1}
_BYTES_PER_VARIANT = 3 * 2 * MAP_SIDE**2

Item = TypeVar("Item")
Result = TypeVar("Result")
Digests = dict[str, str]
"""SHA-256 of each of a patient's files by its path under the cohort's folder."""


class SimulationError(RuntimeError):
    """The cohort cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class CohortOrder:
    """A cohort to make."""

    patients: int
    out: Path
    seed: int = 1
    jobs: int = 0
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class SimulatedCohort:
    """What came of an order: manifests, and how many patients were new."""

    manifests: tuple[Path, ...]
    created: int
    reused: int
    contact_sheet: Path


def check_order(order: CohortOrder) -> None:
    """Raise SimulationError, one line, where an order makes no sense."""
    recipe = order.recipe
    if order.patients < LEAST_PATIENTS:
        raise SimulationError(f"--patients {order.patients}: at least {LEAST_PATIENTS} are needed")
    if recipe.form not in FORMATS:
        raise SimulationError(f"--format {recipe.form}: none of {', '.join(FORMATS)}")
    if not 96 <= recipe.size <= 2048:
        raise SimulationError(f"--size {recipe.size}: films have 96 to 2048 pixels")
    if order.jobs < 0:
        raise SimulationError(f"--jobs {order.jobs}: 0 for every core, or a number of processes")
    if order.seed < 0:
        raise SimulationError(f"--seed {order.seed}: seeds count from 0")
    if order.out.exists() and not order.out.is_dir():
        raise SimulationError(f"--out {order.out}: there is a file of that name")


def simulate_cohort(order: CohortOrder) -> SimulatedCohort:
    """Make what is not there yet. Raises SimulationError."""
    check_order(order)
    patients = draw_cohort(order.patients, order.seed)
    maps = cache_folder() / "maps"
    wanted = sorted({patient.variant for patient in patients})
    missing = [number for number in wanted if not map_path(maps, number, MAP_SIDE).exists()]
    order.out.mkdir(parents=True, exist_ok=True)
    done = _finished(order, patients)
    waiting = [patient for patient in patients if patient.patient_id not in done]
    _state_disk_use(order, len(waiting), len(missing), maps)
    try:
        for _ in _each(partial(_render_variant, maps), missing, order.jobs, "variants"):
            pass
    except AnatomyError as error:
        raise SimulationError(str(error)) from error
    work = partial(_make_files, order, maps)
    with (order.out / _DIGESTS).open("a", newline="", encoding="utf-8") as record:
        for patient, digests in zip(
            waiting, _each(work, waiting, order.jobs, "films"), strict=True
        ):
            done[patient.patient_id] = digests
            _note(order, [patient], done, record)
            record.flush()
    return _conclude(order, patients, done, len(waiting))


def _finished(order: CohortOrder, patients: Sequence[Patient]) -> dict[str, Digests]:
    """Files of patients that are there and as they were written, by patient."""
    noted: dict[str, tuple[str, Digests]] = {}
    record = order.out / _DIGESTS
    if record.exists():
        with record.open(newline="", encoding="utf-8") as stream:
            # A line that a stop cut short has fewer cells.
            for row in (row for row in csv.reader(stream) if len(row) == 4):
                identity, digests = noted.get(row[0], ("", {}))
                noted[row[0]] = (row[1], (digests if identity == row[1] else {}) | {row[2]: row[3]})
    done = {}
    for patient in patients:
        identity, digests = noted.get(patient.patient_id, ("", {}))
        expected = film_paths(patient, order.recipe).values()
        if identity == order.recipe.identity(patient, order.seed) and all(
            _digest(order.out / path) == digests.get(path) for path in expected
        ):
            done[patient.patient_id] = digests
    return done


def _note(
    order: CohortOrder, patients: Iterable[Patient], done: dict[str, Digests], stream: TextIO
) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    for patient in patients:
        identity = order.recipe.identity(patient, order.seed)
        for path, digest in done[patient.patient_id].items():
            writer.writerow((patient.patient_id, identity, path, digest))


def _conclude(
    order: CohortOrder, patients: Sequence[Patient], done: dict[str, Digests], rendered: int
) -> SimulatedCohort:
    """Manifests, contact sheet and what was made how; written last, each in one move."""
    with _replacing(order.out / _DIGESTS) as stream:
        _note(order, patients, done, stream)
    manifests = []
    for name in order.recipe.cohorts():
        manifest = order.out / ("manifest.csv" if name == "films" else f"{name}.csv")
        write_manifest(manifest, [_entry(order, patient, name) for patient in patients])
        manifests.append(manifest)
    facts = {"world": SIMULATION_VERSION, "seed": order.seed, "patients": order.patients}
    with _replacing(order.out / "cohort.json") as stream:
        json.dump(facts | {"recipe": asdict(order.recipe)}, stream, indent=2)
    sheet = order.out / "contact-sheet.png"
    chosen = {p.site: [q for q in patients if q.site == p.site] for p in patients}
    contact_sheet(
        [
            [order.out / film_paths(one, order.recipe)["films"] for one in some[:8]]
            for some in chosen.values()
        ],
        sheet,
    )
    return SimulatedCohort(tuple(manifests), rendered, len(patients) - rendered, sheet)


def _entry(order: CohortOrder, patient: Patient, cohort: str) -> Entry:
    found = film_paths(patient, order.recipe)
    shown = twin_of(patient) if cohort == "twins" else patient
    return Entry(
        path=order.out / found[cohort],
        patient_id=patient.patient_id,
        site=patient.site,
        split=Split(patient.split),
        label=shown.label,
        t_score=shown.t_score,
        age=patient.age,
        sex=Sex(patient.sex),
        weight_kg=patient.weight_kg,
        height_cm=patient.height_cm,
        view=patient.subject().view,
        mask=order.out / found["mask"] if "mask" in found else None,
        origin=FilmOrigin.SIMULATED,
    )


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A text file that takes its place when it is whole."""
    with whole(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        yield stream


def _make_files(order: CohortOrder, maps: Path, patient: Patient) -> Digests:
    """Write one patient's files; returns their digests by path."""
    areal = cached_maps(None, patient.variant, MAP_SIDE, maps)
    made = make_films(patient, areal, order.recipe)
    found = film_paths(patient, order.recipe)
    for name, content in made.items():
        write_whole(order.out / found[name], content)
    return {found[name]: hashlib.sha256(content).hexdigest() for name, content in made.items()}


def _render_variant(folder: Path, number: int) -> None:
    cached_maps(_anatomy(), number, MAP_SIDE, folder)


@cache
def _anatomy() -> Anatomy:
    """The CT, read once in each process."""
    return load_anatomy()


def _each(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int, name: str
) -> Iterator[Result]:
    """Results in the items' order, from several processes where asked, under a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=len(items))
        for result in _results(work, items, jobs or os.cpu_count() or 1):
            progress.advance(task)
            yield result


def _results(work: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    if jobs == 1 or len(items) < 2:
        yield from map(work, items)
        return
    # Spawned, because torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)


def _state_disk_use(order: CohortOrder, films: int, variants: int, maps: Path) -> None:
    """Say before the start what will be written; raises SimulationError where it does not fit."""
    cohorts = len(order.recipe.cohorts())
    size = int(films * cohorts * order.recipe.size**2 * _BYTES_PER_PIXEL[order.recipe.form])
    kept = variants * _BYTES_PER_VARIANT
    text = (
        f"{films} of {order.patients} patients to make: about {size / 1e9:.2f} GB in {order.out}; "
        f"{variants} variants of the CT to render: {kept / 1e9:.2f} GB in {maps}"
    )
    Console(stderr=True).print(text, soft_wrap=True, highlight=False)
    free = shutil.disk_usage(order.out).free
    if size + kept > free:
        raise SimulationError(f"--out {order.out}: {free / 1e9:.2f} GB free are not enough")


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
