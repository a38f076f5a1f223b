"""Patient and study: what a result takes over from a film's header, however poor it is."""

import copy
from dataclasses import replace
from io import BytesIO

import pydicom
import pytest

from models.images.radiograph import FieldOfView
from node.results.encode import to_bytes
from node.results.heatmap import build_heatmap
from node.results.result_context import ResultSettings
from node.results.sr_report import build_report
from tests.support.result_subjects import GOOD, prediction, subject

FIELD = FieldOfView(0, 0, 400, 320)


def reported(values: dict[str, str | bytes], assume_charset: str = "") -> pydicom.Dataset:
    """Return a report as a PACS reads it back from its bytes."""
    settings = ResultSettings("0.1.0", assume_charset=assume_charset)
    report = build_report(subject(values, settings=settings), FIELD, None)
    return pydicom.dcmread(BytesIO(to_bytes(report)))


def test_a_good_header_is_taken_over() -> None:
    """The PACS files the report under the film's patient and study."""
    report = reported(GOOD | {"IssuerOfPatientID": "HOSPITAL"})
    own = {"Modality"}
    kept = {key: str(report[key].value) for key in GOOD.keys() - own if key in report}
    assert kept == {key: GOOD[key] for key in kept}
    assert {"PatientID", "PatientName", "AccessionNumber", "StudyDate"} <= kept.keys()
    assert report.IssuerOfPatientID == "HOSPITAL"
    assert report.SpecificCharacterSet == "ISO_IR 192"


def test_an_empty_header_gives_empty_type_2_attributes() -> None:
    """Attributes that must be there and may be empty are there, and empty."""
    report = reported({})
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
        *("StudyID", "AccessionNumber", "ReferringPhysicianName"),
    ):
        assert keyword in report
        assert not report[keyword].value


@pytest.mark.parametrize(
    ("keyword", "stated", "kept"),
    [
        ("PatientSex", "X", ""),
        ("PatientSex", "f", "F"),
        ("PatientBirthDate", "19500231", ""),
        ("PatientBirthDate", "1950.02.21", "19500221"),
        ("PatientBirthDate", "not a date", ""),
        ("StudyTime", "25:00", ""),
        ("StudyTime", "10:15:30", "101530"),
        ("StudyTime", "101530.5", "101530.5"),
        ("StudyID", "X" * 40, "X" * 16),
        ("AccessionNumber", "A" * 17, "A" * 16),
        ("PatientID", "I" * 100, "I" * 64),
        ("PatientID", "A\\B", "A B"),
        ("PatientID", "A\x00B\x1b[31mC", "A B[31mC"),
        ("PatientAge", "62", None),
        ("PatientAge", "062Y", "062Y"),
        ("TimezoneOffsetFromUTC", "+0100", "+0100"),
        ("TimezoneOffsetFromUTC", "CET", None),
    ],
)
def test_a_value_is_valid_or_left_out(keyword: str, stated: str, kept: str | None) -> None:
    """What the standard forbids is cut, converted or emptied, never handed on."""
    report = reported(GOOD | {keyword: stated})
    assert (str(report[keyword].value) if keyword in report else None) == kept


@pytest.mark.parametrize(
    ("charset", "name", "expected"),
    [
        ("ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        ("ISO_IR 192", "Müller^Jörg".encode(), "Müller^Jörg"),
        ("", "Müller^Jörg".encode(), "Müller^Jörg"),
        ("", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        ("ISO_IR 144", "Дюжий".encode("iso8859_5"), "Дюжий"),
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=山田^太郎",
        ),
        (
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            "Hong^Gildong=洪^吉洞",
        ),
        (
            "\\ISO 2022 IR 58",
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab",
            "Zhang^XiaoDong=张^小东",
        ),
        (
            "\\ISO 2022 IR 58",
            b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\xd0\xa1\xb6\xab",
            "Zhang^XiaoDong=张^小东",
        ),
        (
            "\\ISO 2022 IR 58",
            b"Zhang^XiaoDong=\xd5\xc5^\xd0\xa1\xb6\xab",
            "Zhang^XiaoDong=张^小东",
        ),
        ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
        ("NO SUCH SET", b"Doe^Jane", "Doe^Jane"),
    ],
)
def test_names_arrive_in_unicode(charset: str, name: bytes, expected: str) -> None:
    """Whatever set the film writes its names in, and however badly, the report's are UTF-8."""
    stated = {"SpecificCharacterSet": charset} if charset else {}
    report = reported(GOOD | stated | {"PatientName": name})
    assert str(report.PatientName) == expected


def test_a_film_that_lies_about_its_charset_is_read_as_told() -> None:
    """The administrator's word on a sender counts more than the sender's own."""
    film = GOOD | {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "王^小东".encode("gb18030")}
    assert str(reported(film, assume_charset="GB18030").PatientName) == "王^小东"


@pytest.mark.parametrize(
    "hostile",
    [
        b"<script>alert(1)</script>",
        b"\x00" * 40,
        b"A" * 65534,
        b"\\" * 500,
        b"{{7*7}} %s %(x)s ${jndi:ldap://x}",
        b"\xff\xfe" * 200,
        b"\x1b$)A\x1b$B\x1b" * 20,
        b"^" * 300 + b"=" * 30,
    ],
    ids=["html", "nul", "64KiB", "backslashes", "templates", "binary", "escapes", "delimiters"],
)
def test_hostile_text_neither_breaks_nor_leaks(hostile: bytes) -> None:
    """A hostile value stays the value of its own attribute, cut to the standard's length."""
    texts = ("PatientName", "PatientID", "StudyID", "AccessionNumber", "StudyDescription")
    scored = subject(GOOD | dict.fromkeys((*texts, "PatientSex", "StudyDate"), hostile))
    report = build_report(scored, FIELD, build_heatmap(scored, prediction()))
    assert len(str(report.PatientName)) <= 3 * 64 + 2
    assert len(report.PatientID) <= 64
    assert len(report.AccessionNumber) <= 16
    assert report.PatientSex == ""
    tree = str(report.ContentSequence)
    assert "script" not in tree
    assert "jndi" not in tree
    assert len(to_bytes(report)) < 20_000


def test_the_films_header_is_not_touched() -> None:
    """The film's data set is the same, unconverted elements included, after both were built."""
    scored = subject(GOOD | {"SpecificCharacterSet": "ISO_IR 100", "PatientName": b"M\xfcller"})
    before = copy.deepcopy(dict(scored.source._dict))
    report = build_report(scored, FIELD, build_heatmap(scored, prediction()))
    report.PatientName = "Somebody^Else"
    assert dict(scored.source._dict) == before


def test_a_report_finds_its_order() -> None:
    """Each item of Request Attributes Sequence becomes a Referenced Request of the report."""
    request = pydicom.Dataset()
    request.RequestedProcedureID = "RP1"
    request.RequestedProcedureDescription = "Chest PA"
    request.AccessionNumber = "A999"
    scored = subject()
    scored.source.RequestAttributesSequence = [request, pydicom.Dataset()]
    first, second = build_report(scored, FIELD, None).ReferencedRequestSequence
    assert (first.RequestedProcedureID, first.AccessionNumber) == ("RP1", "A999")
    assert (second.RequestedProcedureID, second.AccessionNumber) == ("", "A123")
    assert first.StudyInstanceUID == scored.film.study_instance_uid
    (kept,) = build_heatmap(scored, prediction()).RequestAttributesSequence
    assert kept.RequestedProcedureID == "RP1"


def test_the_date_of_a_result_is_the_films() -> None:
    """The clock is nowhere in a result; a film without any date gets a date that nobody trusts."""
    both = GOOD | {"AcquisitionDate": "20240130", "AcquisitionTime": "0930"}
    report = reported(both)
    assert (report.ContentDate, report.ContentTime) == ("20240130", "0930")
    assert (reported(GOOD).ContentDate, reported(GOOD).ContentTime) == ("20240131", "101500")
    assert reported({}).ContentDate == "19000101"


@pytest.mark.parametrize("uid", ["", "1." + "2" * 63])
def test_a_film_without_identity_is_refused(uid: str) -> None:
    """Without a SOP Instance UID no PACS could tell which film a result belongs to."""
    scored = subject()
    with pytest.raises(ValueError, match="SOP and Study Instance UIDs"):
        replace(scored, film=replace(scored.film, sop_instance_uid=uid))
