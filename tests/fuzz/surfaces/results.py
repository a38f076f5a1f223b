"""Results of hostile films: each is built, encoded, and read again by pydicom and by us."""

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
from node.results.result_context import ResultSettings, Subject
from node.results.translations.languages import Language
from tests.fuzz.elements import Element, body, element, nest, part10, spoiled
from tests.fuzz.surface import Wrong
from tests.fuzz.surfaces.header import GOOD, elements
from tests.fuzz.texts import CHARSETS, text
from tests.support.film_facts import CHEST_FILM
from tests.support.policies import make_admission_policy

_POLICY = make_admission_policy(min_matrix=16, min_side=0.0)
_ROUTES = (
    Route("a", (ResultKind.REPORT, ResultKind.HEATMAP), SendCondition.ALWAYS),
    Route("b", (ResultKind.REPORT,), SendCondition.ALWAYS, SrClass.COMPREHENSIVE),
    Route("c", (ResultKind.TEXT,), SendCondition.ALWAYS),
)
_TAKEN = date(2024, 1, 31)
_FILM = replace(CHEST_FILM, exposure_date=_TAKEN)
_NAMES = ("default", "老年女性", "a" * 40)
_MODEL = ModelIdentity("grid-demo", "1.0.0", "5e" * 32, IntendedUse.DEMONSTRATION)
_UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_KEPT = frozenset(
    {"SOPClassUID", "Modality", "BodyPartExamined", "ViewPosition", "PatientAge", *_UIDS}
)
_MORE = {
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
        return "refused"
    if isinstance(admit(film, _POLICY), Refused):
        return "turned away"
    subject = Subject(source, film, _verdict(rnd), _settings(rnd))
    for built in build_results(subject, _prediction(rnd, film), _ROUTES, _earlier(rnd)):
        _check(built.content, film)
    return "built"


def _hostile(rnd: Random) -> bytes:
    """Return a film that policy admits, so that what matters is hostile and not merely refused."""
    header = [*elements(rnd, 6), *_others(rnd)]
    sound = {one.tag: one for one in (element(keyword, GOOD[keyword]) for keyword in _KEPT)}
    header = [one for one in header if one.tag not in sound] + list(sound.values())
    header += [element("Rows", _size(rnd)), element("Columns", _size(rnd))]
    header.append(element("PixelData", b"\0\0"))
    by_tag = {one.tag: one for one in header}
    ordered = [by_tag[tag] for tag in sorted(by_tag)]
    return part10(body(ordered, "1.2.840.10008.1.2.1"), "1.2.840.10008.1.2.1")


def _size(rnd: Random) -> bytes:
    return rnd.choice((16, 300, 301, 512)).to_bytes(2, "little")


def _others(rnd: Random) -> list[Element]:
    """Return more elements that results borrow from, and sequences of hostile items."""
    found = [element(keyword, value) for keyword, value in _MORE.items()]
    found = [spoiled(rnd, one) if rnd.random() < 0.4 else one for one in found]
    for keyword in _SEQUENCES:
        if rnd.random() < 0.4:
            found.append(element(keyword, _items(rnd)))
    return found


def _items(rnd: Random) -> bytes:
    if rnd.random() < 0.1:
        return nest(rnd.choice((1, 30)), defined=True)
    content = b""
    for _ in range(rnd.choice((0, 1, 2, 5))):
        inner = [
            element("AccessionNumber", text(rnd)[:60000]),
            element("StudyInstanceUID", text(rnd)[:60000]),
            element("LocalNamespaceEntityID", text(rnd)[:60000]),
            element("UniversalEntityID", text(rnd)[:60000]),
            element("UniversalEntityIDType", rnd.choice((b"ISO", b"DNS ", text(rnd)[:60000]))),
            element("RequestedProcedureDescription", text(rnd)[:60000]),
            element("RequestedProcedureID", text(rnd)[:60000]),
        ]
        item = body(sorted(inner, key=lambda one: one.tag), "1.2.840.10008.1.2.1")
        content += b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item
    return content


def _verdict(rnd: Random) -> Verdict:
    """Return a verdict that policy could come to, at the ends of what it can say."""
    threshold = rnd.choice(_UNUSUAL)
    if rnd.random() < 0.2:
        decision = Decision(Finding.UNDETERMINED, threshold, reason="no score of the image")
        return Verdict(Probability(), decision, _MODEL)
    score = rnd.choice((*_UNUSUAL, rnd.random()))
    rule = Rule(Thresholds.uniform(threshold), rnd.choice((0.0, 0.1, 5.0)), rnd.choice(_NAMES))
    policy = DecisionPolicy(rule, score=rnd.choice(list(ScoreKind)), prior=PriorRule(12))
    prior = PriorResult(_TAKEN, rnd.choice(_UNUSUAL), policy.score, rnd.choice(("", "x")), True)
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
    """Return heat of every kind that is not negative: none, even, a point, beyond all measure."""
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
    extent = FieldOfView((rows - side) / 2, (columns - side) / 2, side, side)
    grey = np.full((rows, columns), rnd.choice((0, 128, 255)), np.uint8)
    return Prediction(Probability(image=0.7), Heat(values, extent), grey)


def _earlier(rnd: Random) -> list[ResultReference]:
    kinds = [f"1.2.840.10008.5.1.4.1.1.88.{last}" for last in (11, 33, 34)]
    return [
        ResultReference(rnd.choice(kinds), f"1.2.{n}", "1.2.9")
        for n in range(rnd.choice((0, 0, 3)))
    ]


def _check(content: Dataset, film: Film) -> None:
    """See that a result is read back as it was written, and is of the film's study."""
    encoded = to_bytes(content)
    back = dcmread(BytesIO(encoded))
    again = to_bytes(_parsed(back))
    if again != encoded:
        raise Wrong(f"a {content.Modality} is not read back as it was written")
    if str(back.StudyInstanceUID) != film.study_instance_uid:
        raise Wrong("a result is of another study")
    if len(encoded) > 4 * 1024 * 1024:
        raise Wrong(f"a result has {len(encoded)} bytes")


def _parsed(ds: Dataset) -> Dataset:
    """Return a data set read from a file, every value parsed, as one that was never in a file."""
    for one in ds.iterall():
        _ = one.value
    return Dataset(ds)
