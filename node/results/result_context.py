"""What a pair of results is about, and how results are to be encoded."""

import hashlib
import json
from dataclasses import asdict, dataclass

import pydicom

from node.domain.decision.decide import decision_digest
from node.domain.decision.prediction import Verdict
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import ResultReference
from node.results import uids
from node.results.fonts import BUILT_IN, Typeface
from node.results.translations.languages import PHRASES, Language
from node.results.translations.phrases import Phrases
from node.results.uids import UidKind

_MAX_SERIES_NUMBER = 2**31 - 1
_MAX_UID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class ResultSettings:
    """How results are encoded.

    `heatmap_max_side` bounds the film's longer side on the heatmap, in pixels. `assume_charset`
    is the Specific Character Set to read a film's texts by where its sender is known to state
    another than it uses; empty to believe the film.
    """

    software_version: str
    series_number_report: int = 9901
    series_number_heatmap: int = 9902
    series_number_text: int = 9903
    heatmap_max_side: int = 2048
    language: Language = Language.ENGLISH
    typeface: Typeface = BUILT_IN
    assume_charset: str = ""

    def __post_init__(self) -> None:
        for number in (
            self.series_number_report,
            self.series_number_heatmap,
            self.series_number_text,
        ):
            if not 1 <= number <= _MAX_SERIES_NUMBER:
                raise ValueError(f"a series number is from 1 to {_MAX_SERIES_NUMBER}: {number}")
        if self.heatmap_max_side < 256:
            raise ValueError("heatmap_max_side is at least 256 pixels")
        if not self.software_version:
            raise ValueError("software_version must not be empty")


@dataclass(frozen=True, slots=True)
class Subject:
    """One scored film: its header without pixel data, its facts, and what was made of it.

    `source` is only read: whatever is taken from it is copied. `replaces` is an earlier report of
    the same film that the new one takes the place of.
    """

    source: pydicom.Dataset
    film: Film
    verdict: Verdict
    settings: ResultSettings
    replaces: ResultReference | None = None

    def __post_init__(self) -> None:
        for uid in (self.film.sop_instance_uid, self.film.study_instance_uid):
            # Without these two no PACS could say which film a result belongs to.
            if not 0 < len(uid) <= _MAX_UID_LENGTH:
                raise ValueError("a film has SOP and Study Instance UIDs of 1 to 64 characters")

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the film, which admission has seen to be there."""
        if not self.film.rows or not self.film.columns:
            raise ValueError("a scored film has Rows and Columns")
        return self.film.rows, self.film.columns

    def uid(self, kind: UidKind, *facts: str) -> str:
        """Return a UID over the film, the bundle, the decision, the encoder and more facts."""
        return uids.uid(kind, *self._film_and_model(), self._decision_digest(), *facts)

    @property
    def phrases(self) -> Phrases:
        """What results say, in the language that was asked for."""
        return PHRASES[self.settings.language]

    @property
    def tracking_uid(self) -> str:
        """The UID that follows this model's finding on this film, whatever the threshold."""
        return uids.uid(UidKind.TRACKING, *self._film_and_model())

    def _film_and_model(self) -> tuple[str, str, str]:
        return self.film.sop_instance_uid, self.film.digest, self.verdict.model.digest

    def _decision_digest(self) -> str:
        """Digest what, beside film and model, changes the bytes of a result."""
        facts = {
            "revision": uids.ENCODER_REVISION,
            "decision": decision_digest(self.verdict.decision),
            # Not where the font lies, but what is in it.
            "settings": asdict(self.settings) | {"typeface": self.settings.typeface.digest},
            "model": asdict(self.verdict.model),
            "admission": [self.verdict.refusal_reason, *self.verdict.notes],
            "replaces": asdict(self.replaces) if self.replaces else None,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
