"""Display of accuracy against densitometry."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from node.replay.accuracy import Accuracy, Share

_RATES = ("sensitivity", "specificity", "ppv", "npv")


def add_accuracies(table: Table, accuracies: Sequence[Accuracy]) -> None:
    """Add a row for each rate, with a column for each accuracy."""
    for name in _RATES:
        shares = (_share(getattr(accuracy, name)) for accuracy in accuracies)
        table.add_row(name.upper() if len(name) == 3 else name, *shares)
    table.add_row("net benefit", *(_net_benefit(accuracy) for accuracy in accuracies))
    table.add_row("undetermined", *(str(accuracy.undetermined) for accuracy in accuracies))


def accuracy_json(accuracy: Accuracy) -> dict[str, Any]:
    """Return an accuracy as JSON."""
    return {
        "patients": accuracy.patients,
        "undetermined": accuracy.undetermined,
        "net_benefit": accuracy.net_benefit,
        **{name: _share_json(getattr(accuracy, name)) for name in _RATES},
    }


def _share(share: Share) -> str:
    if share.value is None:
        return "no patients"
    low, high = share.interval
    return f"{share.value:.1%} ({low:.1%} to {high:.1%}), {share.hits} of {share.of}"


def _share_json(share: Share) -> dict[str, Any]:
    return {
        "hits": share.hits,
        "of": share.of,
        "value": share.value,
        "interval": list(share.interval),
    }


def _net_benefit(accuracy: Accuracy) -> str:
    return "" if accuracy.net_benefit is None else f"{accuracy.net_benefit:+.4f}"
