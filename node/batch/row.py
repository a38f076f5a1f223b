"""One row of the table of scores: its columns, and how it is told from a film and its fate."""

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
    """What became of a film, and what a later run with the same model makes of that."""

    SCORED = "SCORED"  # a score: kept while the bytes are the same; thresholds are applied anew
    REJECTED = "REJECTED"  # a coded reason: policy is asked anew, blank pixels stay blank
    FAILED = "FAILED"  # the error: the film is tried again


@dataclass(frozen=True, slots=True)
class Row:
    """One film. The fields are the table's columns, in their order; text is empty if unknown.

    The model is named in every row, also in those it gave no score: it is what the run used.
    """

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
    def seen(self) -> ImageFindings | None:
        """What the gate has seen; None where none has looked."""
        cells = {fact.name: getattr(self, f"seen_{fact.name}") for fact in fields(ImageFindings)}
        if any(value is None for value in cells.values()):
            return None
        return ImageFindings(**cells | {"turn": int(cells["turn"])})

    @property
    def can_be_kept(self) -> bool:
        """Whether it cost a decoding that need not be repeated for the same bytes and model."""
        return self.state == RowState.SCORED or self.reason == Reason.PIXELS

    @property
    def probability(self) -> Probability:
        """The model's part, from which policy decides again."""
        return Probability(
            self.probability_image, self.probability_clinical, self.probability_combined
        )

    def cells(self) -> dict[str, Cell]:
        """Return the columns by name."""
        return {name: getattr(self, name) for name in COLUMNS}

    @classmethod
    def of_cells(cls, cells: dict[str, Any]) -> Self:
        """Return a row from its columns; raise ValueError where they are not just these."""
        if set(cells) != set(COLUMNS):
            raise ValueError("other columns than those of a table of scores")
        typed: dict[str, Any] = {name: _typed(name, cells[name]) for name in COLUMNS}
        return cls(**typed)


NUMBERS = frozenset(f.name for f in fields(Row) if f.type == float | None)
FLAGS = frozenset(f.name for f in fields(Row) if f.type == bool | None)
COLUMNS = tuple(f.name for f in fields(Row))


@dataclass(frozen=True, slots=True)
class Subject:
    """The film that a row is of, None where no header could be read, and what its pixels showed."""

    path: str
    film: Film | None = None
    notes: tuple[AdmissionNote, ...] = ()
    seen: ImageFindings | None = None


def scored(of: Subject, model: ModelIdentity, p: Probability, decision: Decision) -> Row:
    """Return the row of a film that the model scored."""
    if decision.used is None:
        return unscored(of, model, RowState.FAILED, error=decision.reason)
    return _row(
        of,
        model,
        state=RowState.SCORED,
        probability_image=p.image,
        probability_clinical=p.clinical,
        probability_combined=p.combined,
        used=str(decision.used),
        threshold=decision.threshold,
        flagged=None if decision.undetermined else decision.flagged,
    )


def unscored(
    of: Subject, model: ModelIdentity, state: RowState, *, reason: str = "", error: str = ""
) -> Row:
    """Return the row of a film without a score."""
    return _row(of, model, state=state, reason=str(reason), error=error)


def _row(of: Subject, model: ModelIdentity, **known: Any) -> Row:
    film, seen = of.film, of.seen
    cells: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    cells |= dict.fromkeys(NUMBERS | FLAGS)
    cells |= {
        "path": of.path,
        "notes": " ".join(of.notes),
        "model_name": model.name,
        "model_version": model.version,
        "model_digest": model.digest,
        "intended_use": str(model.intended_use),
    }
    if seen is not None:
        cells |= {f"seen_{name}": float(fact) for name, fact in asdict(seen).items()}
    if film is not None:
        cells |= {
            "sop_instance_uid": film.sop_instance_uid,
            "study_instance_uid": film.study_instance_uid,
            "age_years": film.age_years,
            "sex": _inert(film.sex),
            "modality": _inert(film.modality),
            "body_part_examined": _inert(film.body_part_examined),
            "view_position": _inert(film.view_position),
            "film_digest": film.digest,
        }
    return Row(**cells | {name: _plain(value) for name, value in known.items()})


def _plain(value: Cell) -> Cell:
    return str(value) if isinstance(value, StrEnum) else value


def _inert(text: str) -> str:
    """Return a header's text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _typed(name: str, value: Any) -> Cell:
    """Return a cell as its column has it, from a CSV's text or from a typed table."""
    if name in FLAGS:
        if value in (None, ""):
            return None
        if str(value).lower() not in ("true", "false"):
            raise ValueError(f"{name} is neither true nor false")
        return str(value).lower() == "true"
    if name in NUMBERS:
        return None if value in (None, "") else float(value)
    return "" if value is None else str(value)
