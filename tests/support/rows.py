"""Rows of the table of scores, to write and to read."""

from dataclasses import replace

from models.bundle.intended_use import IntendedUse
from node.batch.row import RowState, ScoreRow, ScreenedFilm, unscored_row
from node.domain.decision.prediction import ModelIdentity

MODEL = ModelIdentity("net", "1.0", "d" * 64, IntendedUse.DEMONSTRATION)


def scored_row(path: str = "/films/1.dcm", score: float = 0.1 + 0.2) -> ScoreRow:
    """Return the row of a scored film; its score has all the digits of a float."""
    return replace(
        unscored_row(ScreenedFilm(path), MODEL, RowState.SCORED),
        sop_instance_uid="1.2",
        study_instance_uid="1.3",
        probability_image=score,
        used="image",
        threshold=0.37,
        flagged=score >= 0.37,
        age_years=67.0,
        sex="F",
        film_digest="f" * 64,
        notes="inverted view-by-pixels",
        seen_frontal=0.999,
        seen_side=0.0,
        seen_ap=0.25,
        seen_turn=0.0,
        seen_upright=1.0,
        seen_inverted=0.875,
        seen_distance=0.4,
    )


def failed_row(path: str = "/films/2.dcm") -> ScoreRow:
    """Return the row of a failed film, with text that a CSV file has to quote."""
    return unscored_row(ScreenedFilm(path), MODEL, RowState.FAILED, error='a "b", c\nand 胸')
