"""The notice that is printed with every score of a demonstration model."""

from collections.abc import Iterable

from rich.console import Console

from models.bundle.intended_use import IntendedUse

DEMONSTRATION = (
    "Demonstration model, trained on simulated films: its scores have no clinical meaning."
)


def print_disclaimer(console: Console, uses: Iterable[IntendedUse]) -> None:
    """Print the notice if one of the models is a demonstration model."""
    if IntendedUse.DEMONSTRATION in set(uses):
        console.print(DEMONSTRATION, style="bold yellow")


def with_disclaimer(title: str, uses: Iterable[IntendedUse]) -> str:
    """Return a figure's title, with the notice if a model is a demonstration model."""
    return f"{title}\n{DEMONSTRATION}" if IntendedUse.DEMONSTRATION in set(uses) else title
