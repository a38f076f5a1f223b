"""What stands beside the scores of a demonstration model, wherever people see one."""

from collections.abc import Iterable

from rich.console import Console

from models.bundle.intended_use import IntendedUse

DEMONSTRATION = (
    "Scores of a demonstration model, trained on simulated films: they have no clinical meaning."
)


def warn(console: Console, uses: Iterable[IntendedUse]) -> None:
    """Print it, if one of the models that made the scores is meant for demonstration."""
    if IntendedUse.DEMONSTRATION in set(uses):
        console.print(DEMONSTRATION, style="bold yellow")


def entitled(title: str, uses: Iterable[IntendedUse]) -> str:
    """Return a figure's title, with that line below it where it belongs."""
    return f"{title}\n{DEMONSTRATION}" if IntendedUse.DEMONSTRATION in set(uses) else title
