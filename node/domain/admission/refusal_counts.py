"""How many films were admitted and refused, by reason and by who sent them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Tally:
    """Films of one caller that share a reason; the empty reason is that of admitted films."""

    calling_ae: str
    reason: str
    films: int


def summarise_reasons(tallies: Iterable[Tally], since: datetime | None) -> dict[str, Any]:
    """Return the summary whose keys programs rely on: `jobs reasons --json`.

    Reasons stand in the order of their films, most first.
    """
    by_caller: dict[str, Counter[str]] = {}
    for one in tallies:
        by_caller.setdefault(one.calling_ae, Counter())[one.reason] += one.films
    whole = sum(by_caller.values(), Counter[str]())
    return {
        "since": since.isoformat() if since else None,
        **_split(whole),
        "callers": [{"calling_ae": ae, **_split(by_caller[ae])} for ae in sorted(by_caller)],
    }


def _split(films: Counter[str]) -> dict[str, Any]:
    refused = {reason: count for reason, count in films.most_common() if reason}
    return {
        "admitted": films[""],
        "refused": sum(refused.values()),
        "reasons": refused,
    }
