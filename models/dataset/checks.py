"""What can be wrong with a manifest's films as a whole, each of its rows being sound by itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.dataset.entry import Entry

_NAMED = 8
"""How many rows or patients an error names before it counts the rest."""


def faults(entries: Sequence[Entry], *, labelled: bool) -> Iterator[tuple[str, list[str]]]:
    """Each problem there is, with the rows or patients it concerns.

    Where nothing is made of labels, films may all have the same.
    """
    for problem, find in (
        ("one film is listed more than once", _repeated),
        ("patients on both sides of a split", _leaks),
        ("files that are not there", _absent),
        ("films of one class alone", _single_class if labelled else _nothing),
    ):
        where = find(entries)
        if where:
            yield problem, where


def first_of(where: Iterable[object]) -> str:
    """The first few in words, and how many more there are."""
    names = [str(one) for one in where]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _repeated(entries: Sequence[Entry]) -> list[str]:
    count = Counter(entry.path.resolve() for entry in entries)
    return [f"row {entry.row}" for entry in entries if count[entry.path.resolve()] > 1]


def _leaks(entries: Sequence[Entry]) -> list[str]:
    """A patient of whom the model saw one film must not be tested on another."""
    leaks = []
    for patient, films in _grouped(entries, lambda entry: entry.patient_id).items():
        splits = _grouped(films, lambda entry: entry.split)
        if len(splits) > 1:
            where = (f"{split}, {_rows(splits[split])}" for split in sorted(splits))
            leaks.append(f"{patient} ({' and '.join(where)})")
    return leaks


def _absent(entries: Sequence[Entry]) -> list[str]:
    films = [f"row {one.row} ({one.path})" for one in entries if not one.path.is_file()]
    masks = [
        f"row {one.row} ({one.mask})" for one in entries if one.mask and not one.mask.is_file()
    ]
    return films + masks


def _single_class(entries: Sequence[Entry]) -> list[str]:
    """Nothing can be fitted to, or measured on, films that are all alike."""
    return [
        f"{part} (label {int(films[0].label)}, {_rows(films)})"
        for part, films in _grouped(entries, lambda entry: entry.part).items()
        if len({entry.label for entry in films}) < 2
    ]


def _nothing(_: Sequence[Entry]) -> list[str]:
    return []


def _rows(entries: Sequence[Entry]) -> str:
    return f"row{'s' if len(entries) > 1 else ''} {first_of(entry.row for entry in entries)}"


def _grouped(
    entries: Sequence[Entry], key: Callable[[Entry], str]
) -> Mapping[str, Sequence[Entry]]:
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[key(entry)].append(entry)
    return groups
