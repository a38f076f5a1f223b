"""Results of hostile films: each is built, encoded, read by pydicom, and encoded again."""

from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from random import Random

import numpy as np
from pydicom import Dataset, dcmread

from models.bundle.intended_use import IntendedUse
from models.images.radiograph import FieldOfView, Heat
from node.domain.admission.header_rules import Refused, admit
from node.domain.decision.decide import DecisionPolicy, decide
from node.domain.decision.prediction import (
    Decision,
    Finding,
    ModelIdentity,
    Prediction,
    Probability,
    ScoreKind,
    Verdict,
)
from node.domain.decision.prior_studies import PriorResult, PriorRule, PriorStudies
from node.domain.decision.thresholds import Rule, Thresholds
from node.domain.errors import Permanent
from node.domain.radiograph.film import Film
from node.domain.workflow.delivery import ResultKind, ResultReference, Route, SendCondition, SrClass
from node.header.read import read_film
from node.results.build import build_results
from node.results.encode import to_bytes
from node.results.result_context import ResultContext, ResultSettings
from node.results.translations.languages import Language
from tests.fuzz.elements import Element, body, corrupt, element, nest, part10
from tests.fuzz.surface import InvariantViolation
from tests.fuzz.surfaces.header import GOOD, elements
from tests.fuzz.texts import CHARSETS, hostile_text
from tests.support.film_facts import CHEST_FILM
from tests.support.policies import make_admission_policy

_POLICY = make_admission_policy(min_matrix=16, min_side=0.0)
_ROUTES = (
    Route("a", (ResultKind.REPORT, ResultKind.HEATMAP), SendCondition.ALWAYS),
    Route("b", (ResultKind.REPORT,), SendCondition.ALWAYS, SrClass.COMPREHENSIVE),
    Route("c", (ResultKind.TEXT,), SendCondition.ALWAYS),
)
_EXPOSURE_DATE = date(2024, 1, 31)
_FILM = replace(CHEST_FILM, exposure_date=_EXPOSURE_DATE)
_NAMES = ("default", "老年女性", "a" * 40)
_MODEL = ModelIdentity("grid-demo", "1.0.0", "5e" * 32, IntendedUse.DEMONSTRATION)
_UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_VALID = frozenset(
    {"SOPClassUID", "Modality", "BodyPartExamined", "ViewPosition", "PatientAge", *_UIDS}
)
_OPTIONAL = {
    "IssuerOfPatientID": b"HOSPITAL",
    "DeidentificationMethod": b"none",
    "PatientIdentityRemoved": b"YES",
    "TimezoneOffsetFromUTC": b"+0100",
    "AcquisitionTime": b"101500",
    "LossyImageCompression": b"01",
    "LossyImageCompressionRatio": b"12.5",
    "LossyImageCompressionMethod": b"ISO_10918_1",
    "PixelSpacing": b"0.15\\0.15",
    "FrameOfReferenceUID": b"1.2.3",
    "ImageLaterality": b"U",
}
_SEQUENCES = (
    "RequestAttributesSequence",
    "IssuerOfPatientIDQualifiersSequence",
    "IssuerOfAccessionNumberSequence",
)
_UNUSUAL = (0.0, 1.0, 1e-300, 0.5, 1.0 - 2**-53, 0.1 + 0.2)


def run(rnd: Random, folder: Path) -> str:
    """Build, encode and read back the results of one hostile film."""
    path = folder / "film.dcm"
    path.write_bytes(_hostile(rnd))
    try:
        film = read_film(path, "MODALITY")
        source = dcmread(path, stop_before_pixels=True)
    except Permanent:
        return "unreadable"
    if isinstance(admit(film, _POLICY), Refused):
        return "refused"
    context = ResultContext(source, film, _verdict(rnd), _settings(rnd))
    for built in build_results(context, _prediction(rnd, film), _ROUTES, _superseded(rnd)):
        _check(built.content, film)
    return "built"


def _hostile(rnd: Random) -> bytes:
    """Return a film with hostile values that the policy admits."""
    header = [*elements(rnd, 6), *_optional_elements(rnd)]
    valid = {e.tag: e for e in (element(keyword, GOOD[keyword]) for keyword in _VALID)}
    header = [e for e in header if e.tag not in valid] + list(valid.values())
    header += [element("Rows", _size(rnd)), element("Columns", _size(rnd))]
    header.append(element("PixelData", b"\0\0"))
    by_tag = {e.tag: e for e in header}
    ordered = [by_tag[tag] for tag in sorted(by_tag)]
    return part10(body(ordered, "1.2.840.10008.1.2.1"), "1.2.840.10008.1.2.1")


def _size(rnd: Random) -> bytes:
    return rnd.choice((16, 300, 301, 512)).to_bytes(2, "little")


def _optional_elements(rnd: Random) -> list[Element]:
    """Return optional elements that are copied to results, and sequences with hostile items."""
    optional = [element(keyword, value) for keyword, value in _OPTIONAL.items()]
    optional = [corrupt(rnd, e) if rnd.random() < 0.4 else e for e in optional]
    for keyword in _SEQUENCES:
        if rnd.random() < 0.4:
            optional.append(element(keyword, _items(rnd)))
    return optional


def _items(rnd: Random) -> bytes:
    if rnd.random() < 0.1:
        return nest(rnd.choice((1, 30)), defined=True)
    content = b""
    for _ in range(rnd.choice((0, 1, 2, 5))):
        inner = [
            element("AccessionNumber", hostile_text(rnd)[:60000]),
            element("StudyInstanceUID", hostile_text(rnd)[:60000]),
            element("LocalNamespaceEntityID", hostile_text(rnd)[:60000]),
            element("UniversalEntityID", hostile_text(rnd)[:60000]),
            element(
                "UniversalEntityIDType", rnd.choice((b"ISO", b"DNS ", hostile_text(rnd)[:60000]))
            ),
            element("RequestedProcedureDescription", hostile_text(rnd)[:60000]),
            element("RequestedProcedureID", hostile_text(rnd)[:60000]),
        ]
        item = body(sorted(inner, key=lambda e: e.tag), "1.2.840.10008.1.2.1")
        content += b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item
    return content


def _verdict(rnd: Random) -> Verdict:
    """Return a verdict of the decision policy, with extreme scores and thresholds."""
    threshold = rnd.choice(_UNUSUAL)
    if rnd.random() < 0.2:
        decision = Decision(Finding.UNDETERMINED, threshold, reason="no score of the image")
        return Verdict(Probability(), decision, _MODEL)
    score = rnd.choice((*_UNUSUAL, rnd.random()))
    rule = Rule(Thresholds.uniform(threshold), rnd.choice((0.0, 0.1, 5.0)), rnd.choice(_NAMES))
    policy = DecisionPolicy(rule, score=rnd.choice(list(ScoreKind)), prior=PriorRule(12))
    prior = PriorResult(
        _EXPOSURE_DATE, rnd.choice(_UNUSUAL), policy.score, rnd.choice(("", "x")), True
    )
    probability = Probability(score, score, score)
    decision = decide(probability, _FILM, policy, PriorStudies(results=rnd.choice(((), (prior,)))))
    return Verdict(probability, decision, _MODEL)


def _settings(rnd: Random) -> ResultSettings:
    charset = rnd.choice(CHARSETS[:10]).decode() if rnd.random() < 0.3 else ""
    return ResultSettings(
        software_version="0.1.0",
        language=rnd.choice(list(Language)),
        assume_charset=charset,
        heatmap_max_side=256,
    )


def _prediction(rnd: Random, film: Film) -> Prediction:
    """Return a prediction whose heat is zero, constant, a single point, or random."""
    rows, columns = film.rows or 1, film.columns or 1
    values = np.zeros((18, 18), np.float32)
    kind = rnd.randrange(4)
    if kind == 1:
        values += np.float32(rnd.choice((1e-30, 1.0, 1e30)))
    elif kind == 2:
        values[rnd.randrange(18), rnd.randrange(18)] = np.float32(rnd.choice((1e-38, 1.0, 3e38)))
    elif kind == 3:
        values += np.abs(np.random.default_rng(rnd.randrange(99)).normal(size=(18, 18)))
    side = float(max(rows, columns))
    field = FieldOfView((rows - side) / 2, (columns - side) / 2, side, side)
    grey = np.full((rows, columns), rnd.choice((0, 128, 255)), np.uint8)
    return Prediction(Probability(image=0.7), Heat(values, field), grey)


def _superseded(rnd: Random) -> list[ResultReference]:
    kinds = [f"1.2.840.10008.5.1.4.1.1.88.{last}" for last in (11, 33, 34)]
    return [
        ResultReference(rnd.choice(kinds), f"1.2.{n}", "1.2.9")
        for n in range(rnd.choice((0, 0, 3)))
    ]


def _check(content: Dataset, film: Film) -> None:
    """Check that a result is read as it was written, and belongs to the film's study."""
    encoded = to_bytes(content)
    decoded = dcmread(BytesIO(encoded))
    if to_bytes(_parse_all(decoded)) != encoded:
        raise InvariantViolation(f"a {content.Modality} is not read as it was written")
    if str(decoded.StudyInstanceUID) != film.study_instance_uid:
        raise InvariantViolation("a result belongs to another study")
    if len(encoded) > 4 * 1024 * 1024:
        raise InvariantViolation(f"a result has {len(encoded)} bytes")


def _parse_all(ds: Dataset) -> Dataset:
    """Parse every value, so that pydicom does not write the original bytes again."""
    for e in ds.iterall():
        _ = e.value
    return Dataset(ds)
