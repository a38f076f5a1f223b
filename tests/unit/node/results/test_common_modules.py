"""A result has patient, study and order of its film, also for films with invalid headers."""

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
from tests.support.result_contexts import GOOD, make_context, make_prediction

FIELD = FieldOfView(0, 0, 400, 320)


def reported(values: dict[str, str | bytes], assume_charset: str = "") -> pydicom.Dataset:
    """Return a report, read from its encoded bytes."""
    settings = ResultSettings("0.1.0", assume_charset=assume_charset)
    report = build_report(make_context(values, settings=settings), FIELD, None)
    return pydicom.dcmread(BytesIO(to_bytes(report)))


def test_a_report_has_patient_and_study_of_the_film() -> None:
    report = reported(GOOD | {"IssuerOfPatientID": "HOSPITAL"})
    keywords = {key for key in GOOD if key in report} - {"Modality"}
    assert {key: str(report[key].value) for key in keywords} == {key: GOOD[key] for key in keywords}
    assert {"PatientID", "PatientName", "AccessionNumber", "StudyDate"} <= keywords
    assert report.IssuerOfPatientID == "HOSPITAL"
    assert report.SpecificCharacterSet == "ISO_IR 192"


def test_an_empty_header_gives_empty_type_2_attributes() -> None:
    report = reported({})
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
        *("StudyID", "AccessionNumber", "ReferringPhysicianName"),
    ):
        assert keyword in report
        assert not report[keyword].value


@pytest.mark.parametrize(
    ("keyword", "stated", "expected"),
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
def test_an_invalid_value_is_cut_converted_or_left_out(
    keyword: str, stated: str, expected: str | None
) -> None:
    report = reported(GOOD | {keyword: stated})
    assert (str(report[keyword].value) if keyword in report else None) == expected


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
def test_names_are_written_in_unicode(charset: str, name: bytes, expected: str) -> None:
    stated = {"SpecificCharacterSet": charset} if charset else {}
    report = reported(GOOD | stated | {"PatientName": name})
    assert str(report.PatientName) == expected


def test_the_configured_charset_replaces_that_of_the_film() -> None:
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
def test_hostile_text_stays_in_its_attribute(hostile: bytes) -> None:
    """A hostile text is cut to the length that the standard allows."""
    texts = ("PatientName", "PatientID", "StudyID", "AccessionNumber", "StudyDescription")
    context = make_context(GOOD | dict.fromkeys((*texts, "PatientSex", "StudyDate"), hostile))
    report = build_report(context, FIELD, build_heatmap(context, make_prediction()))
    assert len(str(report.PatientName)) <= 3 * 64 + 2
    assert len(report.PatientID) <= 64
    assert len(report.AccessionNumber) <= 16
    assert report.PatientSex == ""
    tree = str(report.ContentSequence)
    assert "script" not in tree
    assert "jndi" not in tree
    assert len(to_bytes(report)) < 20_000


def test_the_header_of_the_film_is_not_modified() -> None:
    """The raw elements of the film's header are not converted either."""
    context = make_context(
        GOOD | {"SpecificCharacterSet": "ISO_IR 100", "PatientName": b"M\xfcller"}
    )
    before = copy.deepcopy(dict(context.source._dict))
    report = build_report(context, FIELD, build_heatmap(context, make_prediction()))
    report.PatientName = "Roe^John"
    assert dict(context.source._dict) == before


def test_each_request_of_the_film_becomes_a_referenced_request() -> None:
    request = pydicom.Dataset()
    request.RequestedProcedureID = "RP1"
    request.RequestedProcedureDescription = "Chest PA"
    request.AccessionNumber = "A999"
    context = make_context()
    context.source.RequestAttributesSequence = [request, pydicom.Dataset()]
    first, second = build_report(context, FIELD, None).ReferencedRequestSequence
    assert (first.RequestedProcedureID, first.AccessionNumber) == ("RP1", "A999")
    assert (second.RequestedProcedureID, second.AccessionNumber) == ("", "A123")
    assert first.StudyInstanceUID == context.film.study_instance_uid
    (item,) = build_heatmap(context, make_prediction()).RequestAttributesSequence
    assert item.RequestedProcedureID == "RP1"


def test_a_result_has_the_date_of_the_film() -> None:
    """A film without a date gives results with the date 1 January 1900."""
    acquired = GOOD | {"AcquisitionDate": "20240130", "AcquisitionTime": "0930"}
    report = reported(acquired)
    assert (report.ContentDate, report.ContentTime) == ("20240130", "0930")
    assert (reported(GOOD).ContentDate, reported(GOOD).ContentTime) == ("20240131", "101500")
    assert reported({}).ContentDate == "19000101"


@pytest.mark.parametrize("uid", ["", "1." + "2" * 63])
def test_a_film_without_valid_sop_instance_uid_is_refused(uid: str) -> None:
    context = make_context()
    with pytest.raises(ValueError, match="SOP and Study Instance UIDs"):
        replace(context, film=replace(context.film, sop_instance_uid=uid))
