"""Build sample results, and record the film attributes that the code reads for these results."""

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
from node.results.result_context import ResultContext, ResultSettings

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


class _RecordingDataset(Dataset):
    """A data set that records each tag that is read, also from its copies."""

    tags_read: set[int]

    def __init__(self, tags_read: set[int]) -> None:
        super().__init__()
        object.__setattr__(self, "tags_read", tags_read)

    def __deepcopy__(self, memo: Any) -> "_RecordingDataset":
        return self

    def __contains__(self, name: Any) -> bool:
        self.tags_read.add(_tag(name))
        return super().__contains__(name)

    def get(self, key: Any, default: Any = None) -> Any:
        """Record the tag of an element and return the element's value."""
        self.tags_read.add(_tag(key))
        return super().get(key, default)


def _tag(name: Any) -> int:
    return int(tag_for_keyword(name) or 0) if isinstance(name, str) else int(name)


@dataclass(frozen=True, slots=True)
class Sample:
    """Results by name of their SOP Class, and the tags that were read to build the results.

    The film of `complete` has all read attributes, and the film of `minimal` has no attributes.
    """

    tags_read: frozenset[int]
    complete: dict[str, Dataset]
    minimal: dict[str, Dataset]


def build_sample() -> Sample:
    """Build all results of a film without attributes, and of a film with all attributes."""
    tags_read: set[int] = set()
    minimal = complete = _build(_RecordingDataset(tags_read))
    previous = 0
    while len(tags_read) > previous:  # a value may cause further attributes to be read
        previous = len(tags_read)
        complete = _build(_complete_header(tags_read))
    return Sample(frozenset(tags_read - {0}), complete, minimal)


def _complete_header(tags_read: set[int]) -> _RecordingDataset:
    """Return a header with a value for each tag; each sequence has the same values."""
    header, item = _RecordingDataset(tags_read), _RecordingDataset(tags_read)
    sequences = []
    for tag in sorted(tags_read - {0}):
        vr = dictionary_VR(tag)
        if vr == "SQ":
            sequences.append(tag)
            continue
        value = _VALUES.get(keyword_for_tag(tag), _BY_VR.get(vr, "1"))
        for ds in (header, item):
            ds.add_new(tag, vr, value)
    for tag in sequences:
        header.add_new(tag, "SQ", [item])
    return header


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
    model = ModelIdentity("model", "1", "0" * 64, IntendedUse.DEMONSTRATION, "fitted on a survey")
    decision = Decision(Finding.PRESENT, 0.5, score=0.9, score_kind=ScoreKind.IMAGE)
    verdict = Verdict(Probability(image=0.9, clinical=0.5), decision, model)
    prediction = Prediction(
        verdict.probability,
        Heat(np.ones((6, 6), np.float32), FieldOfView(0, 0, _SIDE, _SIDE)),
        np.full((_SIDE, _SIDE), 128, np.uint8),
    )
    context = ResultContext(source, film, verdict, ResultSettings("1", heatmap_max_side=256))
    results = build_results(context, prediction, routes)
    return {result.content.SOPClassUID.name: result.content for result in results}
