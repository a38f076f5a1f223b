"""Render the report as one HTML file without external resources."""

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

from models.bundle.card import Card
from models.calibration.auc import IntervalEstimate, p_value_text
from models.evaluation.figures import MODEL_STYLES
from models.evaluation.published import ROLES
from models.evaluation.report import EvaluationReport
from models.evaluation.threshold_metrics import PREVALENCES
from models.io.yaml_text import dump_yaml

_MISSING = "\N{EN DASH}"
_TEMPLATES = Path(__file__).parent / "templates"
_GUIDELINES: Final[Mapping[str, str]] = MappingProxyType(
    {"tripod_ai.yaml": "TRIPOD+AI", "claim.yaml": "CLAIM 2024"}
)


@dataclass(frozen=True)
class GuidelineItem:
    """One item of a reporting guideline; ``answer`` is HTML, or empty if there is no answer."""

    item: str
    subject: str
    answer: Markup


def render_html(report: EvaluationReport, card: Card, figures: Mapping[str, bytes]) -> str:
    """Return the report as HTML with all text escaped; ``figures`` are PNG bytes by name."""
    environment = _environment()
    values = {"report": report, "card": card, "roles": ROLES, "prevalences": PREVALENCES}
    guidelines = {
        title: _fill_guideline(environment, _TEMPLATES / file, values)
        for file, title in _GUIDELINES.items()
    }
    template = environment.get_template("report.html.j2")
    return template.render(
        **values,
        card_text=dump_yaml(card),
        guidelines=guidelines,
        figures={
            # Base64 contains no character that HTML escapes.
            name: "data:image/png;base64," + base64.b64encode(png).decode("ascii")
            for name, png in figures.items()
        },
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "estimate": _estimate,
        "number": _number,
        "percent": _percent,
        "p_value": p_value_text,
        "label": _label,
    }
    return environment


def _fill_guideline(
    environment: Environment, file: Path, values: Mapping[str, Any]
) -> list[GuidelineItem]:
    """Return a guideline's items; each answer in ``file`` is a template that gets ``values``."""
    rows = yaml.safe_load(file.read_text("utf-8"))
    return [
        GuidelineItem(str(item), subject, _render_answer(environment, answer, values))
        for item, subject, answer in rows
    ]


def _render_answer(environment: Environment, answer: str, values: Mapping[str, Any]) -> Markup:
    # The template escapes the values. ``Markup`` keeps the page from escaping the values again.
    return Markup(environment.from_string(answer).render(**values).strip())  # noqa: S704


def _estimate(interval: IntervalEstimate | None, digits: int = 3) -> str:
    if interval is None or not math.isfinite(interval.value):
        return _MISSING
    return interval.text(digits).replace("-", "\N{MINUS SIGN}")


def _number(value: float | None, digits: int = 3) -> str:
    if value is None or not math.isfinite(value):
        return _MISSING
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _percent(value: float | None) -> str:
    return _MISSING if value is None or not math.isfinite(value) else f"{100 * value:.0f} %"


def _label(model: str) -> str:
    return MODEL_STYLES[model].label
