"""The inputs of a film's results and of their UIDs: header, film, verdict and settings."""

import hashlib
import json
from dataclasses import asdict, dataclass

import pydicom

from node.domain.decision.decide import decision_digest
from node.domain.decision.prediction import Verdict
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import ResultKind, ResultReference
from node.results import uids
from node.results.fonts import BUILT_IN, Typeface
from node.results.translations.languages import PHRASES, Language
from node.results.translations.phrases import Phrases
from node.results.uids import UidKind

_MAX_SERIES_NUMBER = 2**31 - 1
_MAX_UID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class ResultSettings:
    """Settings for the encoding of results; never rename a field, because UIDs depend on names.

    `heatmap_max_side` limits the longer side of the film on the heatmap, in pixels.
    `assume_charset`, if not empty, replaces a wrong Specific Character Set of a sender.
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
        for number in map(self.series_number, ResultKind):
            if not 1 <= number <= _MAX_SERIES_NUMBER:
                raise ValueError(f"a series number is from 1 to {_MAX_SERIES_NUMBER}: {number}")
        if self.heatmap_max_side < 256:
            raise ValueError("heatmap_max_side is at least 256 pixels")
        if not self.software_version:
            raise ValueError("software_version must not be empty")

    def series_number(self, kind: ResultKind) -> int:
        """Return the Series Number of results of this kind."""
        return {
            ResultKind.REPORT: self.series_number_report,
            ResultKind.HEATMAP: self.series_number_heatmap,
            ResultKind.TEXT: self.series_number_text,
        }[kind]


@dataclass(frozen=True, slots=True)
class ResultContext:
    """The inputs of a film's results.

    `source` is the film's header without pixel data, which is never modified. `replaces` is the
    earlier report of the same film that the new report supersedes.
    """

    source: pydicom.Dataset
    film: Film
    verdict: Verdict
    settings: ResultSettings
    replaces: ResultReference | None = None

    def __post_init__(self) -> None:
        for uid in (self.film.sop_instance_uid, self.film.study_instance_uid):
            # Without these UIDs, a PACS cannot assign the result to its film.
            if not 0 < len(uid) <= _MAX_UID_LENGTH:
                raise ValueError("a film has SOP and Study Instance UIDs of 1 to 64 characters")

    @property
    def size(self) -> tuple[int, int]:
        """The film's number of rows and of columns; admission refuses a film without them."""
        if not self.film.rows or not self.film.columns:
            raise ValueError("a scored film has Rows and Columns")
        return self.film.rows, self.film.columns

    @property
    def phrases(self) -> Phrases:
        """The phrases in the configured language."""
        return PHRASES[self.settings.language]

    @property
    def tracking_uid(self) -> str:
        """The UID of the model's finding on the film, which does not depend on the threshold."""
        return uids.uid(UidKind.TRACKING, *self._film_and_model())

    def uid(self, kind: UidKind, *inputs: str) -> str:
        """Return a UID that derives from film, bundle, verdict, settings and further inputs."""
        return uids.uid(kind, *self._film_and_model(), self._digest(), *inputs)

    def _film_and_model(self) -> tuple[str, str, str]:
        return self.film.sop_instance_uid, self.film.digest, self.verdict.model.digest

    def _digest(self) -> str:
        """Return the SHA-256 of encoder revision, verdict, settings and replaced report."""
        inputs = {
            "revision": uids.ENCODER_REVISION,
            "decision": decision_digest(self.verdict.decision),
            # UIDs depend on the content of the font file, not on its path.
            "settings": asdict(self.settings) | {"typeface": self.settings.typeface.digest},
            "model": asdict(self.verdict.model),
            "admission": [self.verdict.refusal_reason, *self.verdict.notes],
            "replaces": asdict(self.replaces) if self.replaces else None,
        }
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
