"""Results are built from these scored films. Header values are encoded as bytes, valid or not."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from pydicom.datadict import tag_for_keyword

from models.bundle.intended_use import IntendedUse
from models.images.radiograph import FieldOfView, Heat
from node.domain.decision.decide import NO_SCORE, TOO_CLOSE
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    Prediction,
    PriorComparison,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.radiograph.film import Film
from node.results.result_context import ResultContext, ResultSettings
from tests.support.elements import element, preamble

CR = "1.2.840.10008.5.1.4.1.1.1"
SETTINGS = ResultSettings(software_version="0.1.0")
POLICY = "b0" * 32
MODEL = ModelIdentity("grid-demo", "1.0.0", "5e" * 32, IntendedUse.DEMONSTRATION)
DECIDED_BY = {"policy": POLICY, "rule": "default"}

IDENTIFIERS = {
    "SOPClassUID": CR,
    "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.1",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.2",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.3",
}
GOOD = {
    "StudyDate": "20240131",
    "StudyTime": "101500",
    "AccessionNumber": "A123",
    "Modality": "CR",
    "PatientName": "Doe^Jane",
    "PatientID": "P1",
    "PatientBirthDate": "19500101",
    "PatientSex": "F",
    "PatientAge": "074Y",
    "StudyID": "S1",
    "PatientOrientation": "L\\F",
    "ImagerPixelSpacing": "0.15\\0.15",
}


def header(values: Mapping[str, str | bytes]) -> pydicom.Dataset:
    """Return a header that pydicom reads from these values, valid or not."""
    elements = {**IDENTIFIERS, **values}
    encoded = preamble()
    for keyword in sorted(elements, key=lambda keyword: tag_for_keyword(keyword) or 0):
        value = elements[keyword]
        content = value.encode("latin-1") if isinstance(value, str) else value
        encoded += element(keyword, content + b" " * (len(content) % 2))
    return pydicom.dcmread(BytesIO(encoded))


def film_of(ds: pydicom.Dataset, *, size: tuple[int, int] = (400, 320), digest: str = "") -> Film:
    """Return the facts of a film as ingest reads them."""
    return Film(
        sop_instance_uid=str(ds.SOPInstanceUID),
        sop_class_uid=str(ds.SOPClassUID),
        study_instance_uid=str(ds.StudyInstanceUID),
        series_instance_uid=str(ds.SeriesInstanceUID),
        transfer_syntax_uid=str(ds.file_meta.TransferSyntaxUID),
        digest=digest or "f1" * 32,
        size=size[0] * size[1] * 2,
        modality=str(ds.get("Modality", "")),
        rows=size[0],
        columns=size[1],
    )


def real_film(path: Path) -> tuple[pydicom.Dataset, Film]:
    """Return the header and the facts of a film on disk."""
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ds, film_of(ds, size=(ds.Rows, ds.Columns), digest=digest)


def make_verdict(
    finding: Finding = Finding.PRESENT,
    *,
    threshold: float = 0.41,
    model: ModelIdentity = MODEL,
) -> Verdict:
    """Return a verdict whose score fits the finding; an undetermined verdict has no score."""
    if finding is Finding.UNDETERMINED:
        decision = Decision(finding, threshold, reason=NO_SCORE, **DECIDED_BY)
        return Verdict(Probability(), decision, model)
    score = threshold + (0.3 if finding is Finding.PRESENT else -0.3)
    decision = Decision(finding, threshold, score=score, score_kind=ScoreKind.IMAGE, **DECIDED_BY)
    return Verdict(Probability(image=score), decision, model)


def indeterminate(score: float = 0.4, model: ModelIdentity = MODEL) -> Verdict:
    """Return a verdict with a score in the indeterminate band."""
    decision = Decision(
        Finding.UNDETERMINED,
        0.41,
        score=score,
        score_kind=ScoreKind.IMAGE,
        reason=TOO_CLOSE,
        band=(0.35, 0.47),
        **DECIDED_BY,
    )
    return Verdict(Probability(image=score), decision, model)


def verdict_with_prior(prior: PriorComparison, *, already_reported: bool = True) -> Verdict:
    """Return a positive verdict on a patient with prior films."""
    positive = make_verdict()
    decision = replace(positive.decision, already_reported=already_reported, prior=prior)
    return replace(positive, decision=decision)


def make_context(
    values: Mapping[str, str | bytes] | None = None,
    *,
    verdict: Verdict | None = None,
    settings: ResultSettings = SETTINGS,
) -> ResultContext:
    """Return a scored film with this header; the default header is complete."""
    ds = header(GOOD if values is None else values)
    return ResultContext(ds, film_of(ds), verdict or make_verdict(), settings)


def make_prediction(size: tuple[int, int] = (400, 320)) -> Prediction:
    """Return heat over the middle of a grey film, on a square grid that is larger than the film."""
    rows, columns = size
    side = max(size)
    y, x = np.mgrid[0:18, 0:18] / 17
    values = np.exp(-(((x - 0.5) / 0.15) ** 2) - ((y - 0.6) / 0.3) ** 2).astype(np.float32) * 0.003
    field = FieldOfView((rows - side) / 2, (columns - side) / 2, side, side)
    grey = np.tile(np.linspace(20, 230, columns, dtype=np.uint8), (rows, 1))
    return Prediction(Probability(image=0.7), Heat(values, field), grey)
