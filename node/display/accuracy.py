"""Display of accuracy against densitometry."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.table import Table

from node.replay.accuracy import Accuracy, Share

_RATES = ("sensitivity", "specificity", "ppv", "npv")


def accuracy_table(title: str, by_name: Mapping[str, Accuracy]) -> Table:
    """Return a table with a row for each rate and a column for each accuracy."""
    table = Table("", *by_name, title=title, title_justify="left")
    accuracies = by_name.values()
    for name in _RATES:
        shares = (_share(getattr(accuracy, name)) for accuracy in accuracies)
        table.add_row(name.upper() if len(name) == 3 else name, *shares)
    table.add_row("net benefit", *(_net_benefit(accuracy) for accuracy in accuracies))
    table.add_row("undetermined", *(str(accuracy.undetermined) for accuracy in accuracies))
    return table


def accuracy_json(accuracy: Accuracy) -> dict[str, Any]:
    """Return an accuracy as JSON."""
    content = asdict(accuracy)
    for name in _RATES:
        share = getattr(accuracy, name)
        content[name] |= {"value": share.value, "interval": share.interval}
    return content


def _share(share: Share) -> str:
    if share.value is None:
        return "no patients"
    low, high = share.interval
    return f"{share.value:.1%} ({low:.1%} to {high:.1%}), {share.hits} of {share.of}"


def _net_benefit(accuracy: Accuracy) -> str:
    return "" if accuracy.net_benefit is None else f"{accuracy.net_benefit:+.4f}"
