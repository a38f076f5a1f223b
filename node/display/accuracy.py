"""What people and programs see of findings beside densitometry."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from node.replay.accuracy import Accuracy, Share

_RATES = ("sensitivity", "specificity", "ppv", "npv")


def add_accuracies(table: Table, found: Sequence[Accuracy]) -> None:
    """Add a row for each rate, a column for each accuracy."""
    for name in _RATES:
        shares = (_share(getattr(one, name)) for one in found)
        table.add_row(name.upper() if len(name) == 3 else name, *shares)
    table.add_row("net benefit", *(_net_benefit(one) for one in found))
    table.add_row("undetermined", *(str(one.undetermined) for one in found))


def accuracy_json(found: Accuracy) -> dict[str, Any]:
    """Return all of it for programs."""
    return {
        "patients": found.patients,
        "undetermined": found.undetermined,
        "net_benefit": found.net_benefit,
        **{name: _share_json(getattr(found, name)) for name in _RATES},
    }


def _share(share: Share) -> str:
    if share.value is None:
        return "none to count"
    low, high = share.interval
    return f"{share.value:.1%} ({low:.1%} to {high:.1%}), {share.hits} of {share.of}"


def _share_json(share: Share) -> dict[str, Any]:
    return {
        "hits": share.hits,
        "of": share.of,
        "value": share.value,
        "interval": list(share.interval),
    }


def _net_benefit(found: Accuracy) -> str:
    return "" if found.net_benefit is None else f"{found.net_benefit:+.4f}"
