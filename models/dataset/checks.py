"""Checks of a whole manifest, after each of its rows was checked."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from models.dataset.entry import Entry, first_few


def find_faults(entries: Sequence[Entry], *, labelled: bool) -> Iterator[tuple[str, list[str]]]:
    """Yield each problem with its rows or patients.

    Unless ``labelled``, all films may have the same label.
    """
    checks = {
        "one film is listed more than once": _repeated,
        "patients on both sides of a split": _leaks,
        "files that do not exist": _absent,
    }
    if labelled:
        checks["films of one class only"] = _single_class
    for problem, find in checks.items():
        if places := find(entries):
            yield problem, places


def _repeated(entries: Sequence[Entry]) -> list[str]:
    count = Counter(entry.path.resolve() for entry in entries)
    return [f"row {entry.row}" for entry in entries if count[entry.path.resolve()] > 1]


def _leaks(entries: Sequence[Entry]) -> list[str]:
    """Find patients in several splits; the model must not be tested on training patients."""
    leaks = []
    for patient, films in _grouped(entries, lambda entry: entry.patient_id).items():
        splits = _grouped(films, lambda entry: entry.split)
        if len(splits) > 1:
            places = (f"{split}, {_rows(splits[split])}" for split in sorted(splits))
            leaks.append(f"{patient} ({' and '.join(places)})")
    return leaks


def _absent(entries: Sequence[Entry]) -> list[str]:
    films = [f"row {e.row} ({e.path})" for e in entries if not e.path.is_file()]
    masks = [f"row {e.row} ({e.mask})" for e in entries if e.mask and not e.mask.is_file()]
    return films + masks


def _single_class(entries: Sequence[Entry]) -> list[str]:
    """Find parts with only one class; a model cannot be fitted or measured on such a part."""
    return [
        f"{part} (label {int(films[0].label)}, {_rows(films)})"
        for part, films in _grouped(entries, lambda entry: entry.part).items()
        if len({entry.label for entry in films}) < 2
    ]


def _rows(entries: Sequence[Entry]) -> str:
    return f"row{'s' if len(entries) > 1 else ''} {first_few(entry.row for entry in entries)}"


def _grouped(
    entries: Sequence[Entry], key: Callable[[Entry], str]
) -> Mapping[str, Sequence[Entry]]:
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[key(entry)].append(entry)
    return groups
