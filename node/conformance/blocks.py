"""Write a document of headings, paragraphs and tables as Markdown and HTML."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from markdown_it import MarkdownIt


@dataclass(frozen=True, slots=True)
class Table:
    """A table, in which each row has as many cells as `head`."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered heading with paragraphs, tables and subsections."""

    title: str
    blocks: Sequence[str | Table] = ()
    sections: Sequence["Section"] = field(default=())


def to_markdown(title: str, sections: Sequence[Section]) -> str:
    """Return the document in GitHub-flavoured Markdown."""
    lines = [f"# {title}", ""]
    for number, section in enumerate(sections, 1):
        lines += _section(section, str(number))
    return "\n".join(lines).rstrip() + "\n"


def to_html(title: str, markdown: str) -> str:
    """Return a Markdown document as a complete HTML page."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{body}</body>\n</html>\n"
    )


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1f24;background:#fff}table{border-collapse:collapse;margin:1rem 0;width:100%}"
    "th,td{border:1px solid #c9ced6;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "th{background:#eef1f5}code{font-size:.9em}h1,h2,h3{line-height:1.25}"
)


def _section(section: Section, number: str) -> list[str]:
    level = "#" * (number.count(".") + 2)
    lines = [f"{level} {number} {section.title}", ""]
    for block in section.blocks:
        lines += [*(_table(block) if isinstance(block, Table) else [block]), ""]
    for index, subsection in enumerate(section.sections, 1):
        lines += _section(subsection, f"{number}.{index}")
    return lines


def _table(table: Table) -> list[str]:
    return [_row(table.head), "|" + "---|" * len(table.head), *map(_row, table.rows)]


def _row(cells: Iterable[str]) -> str:
    """Return a table row with escaped texts, which cannot become markup."""
    return f"| {' | '.join(map(_escaped, cells))} |"


def _escaped(text: str) -> str:
    return re.sub(r"[\\|<>*_`\[\]]", r"\\\g<0>", " ".join(text.split()))
