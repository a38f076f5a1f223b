"""The report as one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from models.bundle.card import Card, dump
from models.evaluation.decisions import PREVALENCES
from models.evaluation.discrimination import Interval
from models.evaluation.figures import LOOK
from models.evaluation.published import ROLES
from models.evaluation.report import Report

_UNKNOWN = "\N{EN DASH}"
_TEMPLATES = Path(__file__).parent / "templates"
_GUIDES: Final[Mapping[str, str]] = MappingProxyType(
    {"tripod_ai.yaml": "TRIPOD+AI", "claim.yaml": "CLAIM 2024"}
)


@dataclass(frozen=True)
class Row:
    """One item of a reporting guideline; ``answer`` is empty where the data do not tell."""

    item: str
    subject: str
    answer: str


def render_page(report: Report, card: Card, figures: Mapping[str, bytes]) -> str:
    """HTML of the report; ``figures`` are PNG bytes by name. All text is escaped."""
    environment = _environment()
    facts = {"report": report, "card": card, "roles": ROLES, "prevalences": PREVALENCES}
    guides = {
        title: _fill(environment, _TEMPLATES / file, facts) for file, title in _GUIDES.items()
    }
    template = environment.get_template("report.html.j2")
    return template.render(
        **facts,
        card_text=dump(card),
        guides=guides,
        figures={name: _data_uri(png) for name, png in figures.items()},
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"ci": _ci, "num": _number, "pct": _percent, "p": _p, "named": _named}
    return environment


def _fill(environment: Environment, file: Path, facts: Mapping[str, Any]) -> list[Row]:
    """Items of a guideline; their answers are templates of our own over the report."""
    rows = yaml.safe_load(file.read_text("utf-8"))
    return [
        Row(str(item), subject, environment.from_string(answer).render(**facts).strip())
        for item, subject, answer in rows
    ]


def _data_uri(png: bytes) -> Markup:
    return Markup("data:image/png;base64," + base64.b64encode(png).decode("ascii"))  # noqa: S704


def _ci(interval: Interval | None, digits: int = 3) -> str:
    if interval is None or not math.isfinite(interval.value):
        return _UNKNOWN
    low, high = (_number(value, digits) for value in (interval.low, interval.high))
    return f"{_number(interval.value, digits)} ({low} to {high})"


def _number(value: float | None, digits: int = 3) -> str:
    if value is None or not math.isfinite(value):
        return _UNKNOWN
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _percent(value: float | None) -> str:
    return _UNKNOWN if value is None or not math.isfinite(value) else f"{100 * value:.0f} %"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _named(model: str) -> str:
    return LOOK[model][2]
