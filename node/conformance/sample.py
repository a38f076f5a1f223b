"""What results read of a film and what they write, seen by building them once.

A list by hand would drift from the code; a film that notes what it is asked for cannot.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword

from models.bundle.intended_use import IntendedUse
from models.images.radiograph import FieldOfView, Heat
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    Prediction,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.radiograph.film import Film
from node.domain.sop_class import SopClass
from node.domain.workflow.delivery import ResultKind, Route, SendCondition, SrClass
from node.results.build import build_results
from node.results.result_context import ResultSettings, Subject

_SIDE = 64
_VALUES: dict[str, str | list[str] | list[float]] = {
    "SpecificCharacterSet": "ISO_IR 192",
    "SOPClassUID": SopClass.COMPUTED_RADIOGRAPHY,
    "SOPInstanceUID": "2.25.1",
    "StudyInstanceUID": "2.25.2",
    "SeriesInstanceUID": "2.25.3",
    "FrameOfReferenceUID": "2.25.4",
    "Modality": "CR",
    "PatientSex": "F",
    "PatientOrientation": ["L", "F"],
    "ImagerPixelSpacing": [0.1, 0.1],
    "LossyImageCompression": "01",
    "LossyImageCompressionMethod": "ISO_10918_1",
    "LossyImageCompressionRatio": "10",
    "PatientIdentityRemoved": "YES",
    "TimezoneOffsetFromUTC": "+0100",
    "UniversalEntityIDType": "DNS",
}
_BY_VR = {"DA": "20260101", "TM": "120000", "AS": "067Y", "UI": "2.25.9", "DS": "1"}


class _Asked(Dataset):
    """A data set that notes every tag it is asked for; copies share the note."""

    noted: set[int]

    def __init__(self, noted: set[int]) -> None:
        super().__init__()
        object.__setattr__(self, "noted", noted)

    def __deepcopy__(self, memo: Any) -> "_Asked":
        return self

    def __contains__(self, name: Any) -> bool:
        self.noted.add(_tag(name))
        return super().__contains__(name)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of an element, as a data set does, and note its tag."""
        self.noted.add(_tag(key))
        return super().get(key, default)


def _tag(name: Any) -> int:
    return int(tag_for_keyword(name) or 0) if isinstance(name, str) else int(name)


@dataclass(frozen=True, slots=True)
class Sample:
    """The tags that results ask a film for; the objects, by name of their SOP Class, made of a
    film that has them all, and those of a film that has none.
    """

    read: frozenset[int]
    full: dict[str, Dataset]
    bare: dict[str, Dataset]


def sample() -> Sample:
    """Build every kind of result of a film that states nothing, and of one that states all."""
    noted: set[int] = set()
    bare = full = _build(_Asked(noted))
    asked = 0
    while len(noted) > asked:  # an answer may lead to a further question
        asked = len(noted)
        full = _build(_stating(noted))
    return Sample(frozenset(noted - {0}), full, bare)


def _stating(noted: set[int]) -> _Asked:
    """Return a header with a value for each tag that was asked for, in every sequence, too."""
    header, item = _Asked(noted), _Asked(noted)
    for tag in sorted(noted - {0}):
        if dictionary_VR(tag) != "SQ":
            for ds in (header, item):
                ds.add_new(tag, dictionary_VR(tag), _value(tag))
    for tag in sorted(noted - {0}):
        if dictionary_VR(tag) == "SQ":
            header.add_new(tag, "SQ", [item])
    return header


def _value(tag: int) -> str | list[str] | list[float]:
    return _VALUES.get(keyword_for_tag(tag), _BY_VR.get(dictionary_VR(tag), "1"))


def _build(source: Dataset) -> dict[str, Dataset]:
    routes = (
        Route("a", tuple(ResultKind), SendCondition.ALWAYS),
        Route(
            "b",
            (ResultKind.REPORT, ResultKind.HEATMAP),
            SendCondition.ALWAYS,
            SrClass.COMPREHENSIVE,
        ),
    )
    film = Film(
        sop_instance_uid="2.25.1",
        sop_class_uid=SopClass.COMPUTED_RADIOGRAPHY,
        study_instance_uid="2.25.2",
        series_instance_uid="2.25.3",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        digest="0" * 64,
        size=2 * _SIDE * _SIDE,
        modality="CR",
        rows=_SIDE,
        columns=_SIDE,
    )
    model = ModelIdentity("model", "1", "0" * 64, IntendedUse.DEMONSTRATION, "fitted on somebody")
    decision = Decision(Finding.PRESENT, 0.5, score=0.9, score_kind=ScoreKind.IMAGE)
    verdict = Verdict(Probability(image=0.9, clinical=0.5), decision, model)
    seen = Prediction(
        verdict.probability,
        Heat(np.ones((6, 6), np.float32), FieldOfView(0, 0, _SIDE, _SIDE)),
        np.full((_SIDE, _SIDE), 128, np.uint8),
    )
    subject = Subject(source, film, verdict, ResultSettings("1", heatmap_max_side=256))
    built = build_results(subject, seen, routes)
    return {one.content.SOPClassUID.name: one.content for one in built}
