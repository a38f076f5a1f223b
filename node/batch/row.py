"""A row of the table of scores, its columns, and its values for a film."""

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

from models.gate.image_findings import ImageFindings
from node.domain.admission.reasons import AdmissionNote, Reason
from node.domain.decision.prediction import Decision, ModelIdentity, Probability
from node.domain.radiograph.film import Film

Cell = str | float | bool | None

_FORMULA = ("=", "+", "-", "@")


class RowState(StrEnum):
    """The outcome of one film, which determines what a later run with the same model does."""

    SCORED = "SCORED"  # A later run reuses the score of equal bytes and applies the policy again.
    REJECTED = "REJECTED"  # A reason has a code. A later run applies the policy again.
    FAILED = "FAILED"  # There was an error. A later run tries the film again.


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The row of one film; the fields are the columns of the table in order."""

    path: str
    sop_instance_uid: str
    study_instance_uid: str
    state: str
    reason: str
    error: str
    probability_image: float | None
    probability_clinical: float | None
    probability_combined: float | None
    used: str
    threshold: float | None
    flagged: bool | None
    model_name: str
    model_version: str
    model_digest: str
    intended_use: str
    age_years: float | None
    sex: str
    modality: str
    body_part_examined: str
    view_position: str
    film_digest: str
    notes: str
    seen_frontal: float | None
    seen_side: float | None
    seen_ap: float | None
    seen_turn: float | None
    seen_upright: float | None
    seen_inverted: float | None
    seen_distance: float | None

    @property
    def image_findings(self) -> ImageFindings | None:
        """The gate's findings, or None if no gate checked the image."""
        cells = {field.name: getattr(self, f"seen_{field.name}") for field in fields(ImageFindings)}
        if any(value is None for value in cells.values()):
            return None
        return ImageFindings(**cells | {"turn": int(cells["turn"])})

    @property
    def is_reusable(self) -> bool:
        """Whether a later run with the same model can use this row without decoding the film."""
        return self.state == RowState.SCORED or self.reason == Reason.PIXELS

    @property
    def probability(self) -> Probability:
        """The scores of the model, to which a policy can be applied again."""
        return Probability(
            self.probability_image, self.probability_clinical, self.probability_combined
        )

    @classmethod
    def of_cells(cls, cells: dict[str, Any]) -> Self:
        """Return a row from its cells; raise ValueError for missing or unknown columns."""
        if set(cells) != set(COLUMNS):
            raise ValueError("not the columns of a table of scores")
        typed: dict[str, Any] = {name: _typed(name, cells[name]) for name in COLUMNS}
        return cls(**typed)


NUMBERS = frozenset(field.name for field in fields(ScoreRow) if field.type == float | None)
FLAGS = frozenset(field.name for field in fields(ScoreRow) if field.type == bool | None)
COLUMNS = tuple(field.name for field in fields(ScoreRow))


@dataclass(frozen=True, slots=True)
class ScreenedFilm:
    """The film of a row, None without a readable header, with its notes and image findings."""

    path: str
    film: Film | None = None
    notes: tuple[AdmissionNote, ...] = ()
    image_findings: ImageFindings | None = None


def scored_row(
    screened: ScreenedFilm, model: ModelIdentity, probability: Probability, decision: Decision
) -> ScoreRow:
    """Return the row of a film that the model has scored."""
    if decision.score_kind is None:
        return unscored_row(screened, model, RowState.FAILED, error=decision.reason)
    return _row(
        screened,
        model,
        state=str(RowState.SCORED),
        probability_image=probability.image,
        probability_clinical=probability.clinical,
        probability_combined=probability.combined,
        used=str(decision.score_kind),
        threshold=decision.threshold,
        flagged=None if decision.undetermined else decision.flagged,
    )


def unscored_row(
    screened: ScreenedFilm,
    model: ModelIdentity,
    state: RowState,
    *,
    reason: str = "",
    error: str = "",
) -> ScoreRow:
    """Return the row of a film without a score."""
    return _row(screened, model, state=str(state), reason=str(reason), error=error)


def _row(screened: ScreenedFilm, model: ModelIdentity, **outcome: Any) -> ScoreRow:
    film, findings = screened.film, screened.image_findings
    cells: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    cells |= dict.fromkeys(NUMBERS | FLAGS)
    cells |= {
        "path": screened.path,
        "notes": " ".join(screened.notes),
        "model_name": model.name,
        "model_version": model.version,
        "model_digest": model.digest,
        "intended_use": str(model.intended_use),
    }
    if findings is not None:
        cells |= {f"seen_{name}": float(value) for name, value in asdict(findings).items()}
    if film is not None:
        cells |= {
            "sop_instance_uid": film.sop_instance_uid,
            "study_instance_uid": film.study_instance_uid,
            "age_years": film.age_years,
            "sex": _without_formula(film.sex),
            "modality": _without_formula(film.modality),
            "body_part_examined": _without_formula(film.body_part_examined),
            "view_position": _without_formula(film.view_position),
            "film_digest": film.digest,
        }
    return ScoreRow(**cells | outcome)


def _without_formula(text: str) -> str:
    """Return a text; prefix a quote if a spreadsheet would execute the text as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _typed(name: str, value: Any) -> Cell:
    """Return a cell with the type of its column, from CSV text or from a typed table."""
    if name in FLAGS:
        if value in (None, ""):
            return None
        if str(value).lower() not in ("true", "false"):
            raise ValueError(f"{name} is neither true nor false")
        return str(value).lower() == "true"
    if name in NUMBERS:
        return None if value in (None, "") else float(value)
    return "" if value is None else str(value)
