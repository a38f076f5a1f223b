"""Tables and cells that several displays share."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from node.log import printable


def plain(text: str) -> Text:
    """Return text of a peer without markup and without terminal control characters."""
    return Text(printable(text))


def number_table(*headings: str, title: str | None = None) -> Table:
    """Return a table whose columns after the first are right-aligned."""
    table = Table(headings[0], title=title, title_justify="left")
    for heading in headings[1:]:
        table.add_column(heading, justify="right")
    return table


def grid(rows: Iterable[Sequence[str | Text]]) -> Table:
    """Return a table of rows without headings and lines."""
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    return table


def count_with_share(count: int, films: int) -> str:
    """Return a number of films with its share of all films."""
    return f"{count} ({count / films:.1%})"


def print_figures(title: str, figures: Iterable[tuple[str, str]]) -> None:
    """Print each figure of a model on one line."""
    console = Console()
    console.print(Text(title, "bold"))
    console.print(grid((Text(name), Text(value)) for name, value in figures))
