"""Count admitted and refused films by reason and sender."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class RefusalCount:
    """The number of films of one sender with one reason; admitted films have an empty reason."""

    calling_ae: str
    reason: str
    films: int


def summarise_reasons(counts: Iterable[RefusalCount], since: datetime | None) -> dict[str, Any]:
    """Return the summary for `jobs reasons --json`, with the most frequent reason first."""
    by_caller: dict[str, Counter[str]] = {}
    for count in counts:
        by_caller.setdefault(count.calling_ae, Counter())[count.reason] += count.films
    total = sum(by_caller.values(), Counter[str]())
    return {
        "since": since.isoformat() if since else None,
        **_split(total),
        "callers": [{"calling_ae": ae, **_split(by_caller[ae])} for ae in sorted(by_caller)],
    }


def _split(films: Counter[str]) -> dict[str, Any]:
    refused = {reason: count for reason, count in films.most_common() if reason}
    return {
        "admitted": films[""],
        "refused": sum(refused.values()),
        "reasons": refused,
    }
