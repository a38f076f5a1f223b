"""Attributes of a film are extracted from codes and texts of its header."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian

from node.domain.admission.header_rules import Refused, admit
from node.domain.admission.reasons import Reason
from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.derivation import Derivation
from node.domain.radiograph.film import Film, HeaderStatements
from node.domain.radiograph.view import View
from node.header.read import read_film
from tests.support.elements import write_header
from tests.support.films import make_film, write_film
from tests.support.policies import make_admission_policy

NAME = "Zyxwvut"


def read(folder: Path, syntax: str = ExplicitVRLittleEndian, **values: object) -> Film:
    """Write a film with these elements, and read the film."""
    return read_film(write_film(make_film(syntax=syntax, **values), folder / "film.dcm"), "A")


def code(value: str, meaning: str, **sequences: Any) -> Dataset:
    """Return an item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    for keyword, items in sequences.items():
        setattr(item, keyword, items)
    return item


class TestTexts:
    def test_descriptions_of_series_and_study(self, tmp_path: Path) -> None:
        """The two descriptions are kept apart, because one order may be for several films."""
        actual = read(
            tmp_path, SeriesDescription="Abdomen lat", StudyDescription="Thorax und Abdomen"
        )
        assert actual.series == HeaderStatements((BodyPart.ABDOMEN,), View.LATERAL)
        assert actual.study == HeaderStatements((BodyPart.CHEST, BodyPart.ABDOMEN))

    @pytest.mark.parametrize(
        "keyword", ["SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"]
    )
    def test_each_description_of_the_series_is_read(self, keyword: str, tmp_path: Path) -> None:
        """Devices write the view into different attributes of the series."""
        assert read(tmp_path, **{keyword: "CHEST PA"}).series == HeaderStatements(
            (BodyPart.CHEST,), View.PA
        )

    @pytest.mark.parametrize(
        "keyword",
        ["StudyDescription", "RequestedProcedureDescription", "PerformedProcedureStepDescription"],
    )
    def test_each_description_of_the_study_is_read(self, keyword: str, tmp_path: Path) -> None:
        """Order systems write the body part into different attributes of the study."""
        assert read(tmp_path, **{keyword: "CHEST PA"}).study == HeaderStatements(
            (BodyPart.CHEST,), View.PA
        )

    @pytest.mark.parametrize(
        "keyword", ["RequestedProcedureDescription", "ScheduledProcedureStepDescription"]
    )
    def test_request_attributes_are_read(self, keyword: str, tmp_path: Path) -> None:
        """DX images have the texts of the order in Request Attributes Sequence."""
        item = Dataset()
        setattr(item, keyword, "CHEST PA")
        assert read(tmp_path, RequestAttributesSequence=[item]).study.parts == (BodyPart.CHEST,)

    def test_in_chinese_japanese_and_korean(self, tmp_path: Path) -> None:
        """The character sets are those that devices use in Chinese, Japanese and Korean."""
        for charset, text in (
            ("GB18030", "胸部后前位"),
            ("ISO_IR 192", "흉부 PA"),
            (["", "ISO 2022 IR 87"], "胸部 PA"),
        ):
            actual = read(tmp_path, SpecificCharacterSet=charset, SeriesDescription=text)
            assert actual.series == HeaderStatements((BodyPart.CHEST,), View.PA), charset

    def test_descriptions_are_not_stored(self, tmp_path: Path) -> None:
        """The job table must not store descriptions, because they may contain people's names."""
        texts = ("SeriesDescription", "StudyDescription", "ProtocolName", "DerivationDescription")
        actual = read(tmp_path, **dict.fromkeys(texts, f"Chest PA {NAME}"))
        assert NAME not in str(asdict(actual))


class TestCodes:
    @pytest.mark.parametrize(
        "syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
    )
    def test_part_and_view_by_code(self, syntax: str, tmp_path: Path) -> None:
        """Codes give the body part and the view in every encoding of the file."""
        actual = read(
            tmp_path,
            syntax,
            AnatomicRegionSequence=[code("51185008", "Chest")],
            ViewCodeSequence=[code("272479007", "postero-anterior")],
        )
        assert actual.coded == HeaderStatements((BodyPart.CHEST,), View.PA)

    def test_a_modifier_replaces_the_view(self, tmp_path: Path) -> None:
        """The model was not trained on lordotic films, so the modifier replaces the view."""
        lordotic = [code("260450008", "lordotic")]
        view = code("399348003", "antero-posterior", ViewModifierCodeSequence=lordotic)
        assert read(tmp_path, ViewCodeSequence=[view]).coded.view is View.LORDOTIC

    @pytest.mark.parametrize(
        "keyword", ["AnatomicRegionSequence", "ViewCodeSequence", "RequestAttributesSequence"]
    )
    @pytest.mark.parametrize(
        "value", [b"", b"\0", b"CHEST ", b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff" * 40]
    )
    def test_a_damaged_sequence_does_not_affect_other_attributes(
        self, keyword: str, value: bytes, tmp_path: Path
    ) -> None:
        """A film with a damaged sequence is read without that sequence."""
        path = write_header(tmp_path / "film.dcm", {keyword: value, "BodyPartExamined": b"CHEST "})
        assert read_film(path, "A").body_part_examined == "CHEST"


class TestDerivation:
    @pytest.mark.parametrize(
        "values",
        [
            {"ImageType": ["DERIVED", "PRIMARY", "BONE_SUPPRESSED"]},
            {"SeriesDescription": "CHEST PA - bone suppression"},
            {"DerivationDescription": "Bone suppression applied"},
        ],
    )
    def test_it_is_read_from_three_attributes(
        self, values: dict[str, object], tmp_path: Path
    ) -> None:
        """Manufacturers state the bone suppression in different attributes."""
        assert read(tmp_path, **values).derivation is Derivation.BONE_SUPPRESSED

    def test_a_compressed_copy_is_original(self, tmp_path: Path) -> None:
        """Archives write DERIVED and SECONDARY into films that they compress."""
        actual = read(tmp_path, ImageType=["DERIVED", "SECONDARY"], DerivationDescription="Lossy")
        assert actual.derivation is None


class TestSize:
    @pytest.mark.parametrize(
        ("values", "sides"),
        [
            ({"ImagerPixelSpacing": [0.2, 0.1]}, (51.2, 25.6)),
            ({"PixelSpacing": [0.2, 0.1]}, (51.2, 25.6)),
            ({"ImagerPixelSpacing": [0, 0], "PixelSpacing": [0.2, 0.1]}, (51.2, 25.6)),
            ({"PixelSpacing": [1, 1]}, (None, None)),
            ({"PixelSpacing": [0.0143, 0.0143]}, (None, None)),
            ({"PixelSpacing": [0.2]}, (None, None)),
            ({}, (None, None)),
        ],
    )
    def test_an_implausible_spacing_is_ignored(
        self, values: dict[str, object], sides: tuple[float | None, ...], tmp_path: Path
    ) -> None:
        """Archives write 0 or 1 for an unknown spacing, and some archives write centimetres."""
        actual = read(tmp_path, **values)
        assert (actual.height_mm, actual.width_mm) == pytest.approx(sides)


class TestPixelData:
    @pytest.mark.parametrize(
        "syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
    )
    def test_it_is_present(self, syntax: str, tmp_path: Path) -> None:
        """Pixel data are detected without being read."""
        assert read(tmp_path, syntax).has_pixel_data

    def test_it_is_absent(self, tmp_path: Path) -> None:
        """A film without pixel data is refused by its header, before the decoder reads it."""
        actual = read(tmp_path, PixelData=None)
        refused = admit(actual, make_admission_policy())
        assert isinstance(refused, Refused)
        assert (actual.has_pixel_data, refused.reason) == (False, Reason.NO_PIXELS)
