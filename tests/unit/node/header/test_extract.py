"""What codes and texts of a header come to: facts, and no text."""

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
from tests.support.elements import hostile
from tests.support.policies import make_admission_policy
from tests.support.wire_films import film, write

NAME = "Zyxwvut"


def read(folder: Path, syntax: str = ExplicitVRLittleEndian, **values: object) -> Film:
    return read_film(write(film(syntax=syntax, **values), folder / "film.dcm"), "A")


def code(value: str, meaning: str, **more: Any) -> Dataset:
    """Return an item that codes something."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    for keyword, items in more.items():
        setattr(item, keyword, items)
    return item


class TestTexts:
    def test_what_is_written_of_series_and_study(self, tmp_path: Path) -> None:
        """The series' own texts apart from the order's, which may be for several films."""
        found = read(
            tmp_path, SeriesDescription="Abdomen lat", StudyDescription="Thorax und Abdomen"
        )
        assert found.series == HeaderStatements((BodyPart.ABDOMEN,), View.LATERAL)
        assert found.study == HeaderStatements((BodyPart.CHEST, BodyPart.ABDOMEN))

    @pytest.mark.parametrize(
        "keyword", ["SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"]
    )
    def test_each_text_of_the_series_is_read(self, keyword: str, tmp_path: Path) -> None:
        """Consoles name the view in one of them or another."""
        assert read(tmp_path, **{keyword: "CHEST PA"}).series == HeaderStatements(
            (BodyPart.CHEST,), View.PA
        )

    @pytest.mark.parametrize(
        "keyword",
        ["StudyDescription", "RequestedProcedureDescription", "PerformedProcedureStepDescription"],
    )
    def test_each_text_of_the_study_is_read(self, keyword: str, tmp_path: Path) -> None:
        """Order systems name the part in one of them or another."""
        assert read(tmp_path, **{keyword: "CHEST PA"}).study == HeaderStatements(
            (BodyPart.CHEST,), View.PA
        )

    @pytest.mark.parametrize(
        "keyword", ["RequestedProcedureDescription", "ScheduledProcedureStepDescription"]
    )
    def test_the_order_within_its_sequence_is_read(self, keyword: str, tmp_path: Path) -> None:
        """DX images have it there, and not at the top."""
        item = Dataset()
        setattr(item, keyword, "CHEST PA")
        assert read(tmp_path, RequestAttributesSequence=[item]).study.parts == (BodyPart.CHEST,)

    def test_in_chinese_japanese_and_korean(self, tmp_path: Path) -> None:
        """In the character sets that such consoles write."""
        for charset, text in (
            ("GB18030", "胸部后前位"),
            ("ISO_IR 192", "흉부 PA"),
            (["", "ISO 2022 IR 87"], "胸部 PA"),
        ):
            found = read(tmp_path, SpecificCharacterSet=charset, SeriesDescription=text)
            assert found.series == HeaderStatements((BodyPart.CHEST,), View.PA), charset

    def test_no_word_of_them_is_kept(self, tmp_path: Path) -> None:
        """People write names into descriptions; a film's facts go into the job table."""
        texts = ("SeriesDescription", "StudyDescription", "ProtocolName", "DerivationDescription")
        found = read(tmp_path, **dict.fromkeys(texts, f"Chest PA {NAME}"))
        assert NAME not in str(asdict(found))


class TestCodes:
    @pytest.mark.parametrize(
        "syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
    )
    def test_part_and_view_by_code(self, syntax: str, tmp_path: Path) -> None:
        """In every encoding."""
        found = read(
            tmp_path,
            syntax,
            AnatomicRegionSequence=[code("51185008", "Chest")],
            ViewCodeSequence=[code("272479007", "postero-anterior")],
        )
        assert found.coded == HeaderStatements((BodyPart.CHEST,), View.PA)

    def test_a_modifier_makes_another_view(self, tmp_path: Path) -> None:
        """A lordotic AP film is not what the model has learned."""
        lordotic = [code("260450008", "lordotic")]
        view = code("399348003", "antero-posterior", ViewModifierCodeSequence=lordotic)
        assert read(tmp_path, ViewCodeSequence=[view]).coded.view is View.LORDOTIC

    @pytest.mark.parametrize(
        "keyword", ["AnatomicRegionSequence", "ViewCodeSequence", "RequestAttributesSequence"]
    )
    @pytest.mark.parametrize(
        "value", [b"", b"\0", b"CHEST ", b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff" * 40]
    )
    def test_a_damaged_sequence_spoils_nothing_else(
        self, keyword: str, value: bytes, tmp_path: Path
    ) -> None:
        """The film is read with what else it has."""
        path = hostile(tmp_path / "film.dcm", {keyword: value, "BodyPartExamined": b"CHEST "})
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
    def test_it_is_told_by_type_series_or_derivation(
        self, values: dict[str, object], tmp_path: Path
    ) -> None:
        """Each maker says it elsewhere."""
        assert read(tmp_path, **values).derivation is Derivation.BONE_SUPPRESSED

    def test_a_compressed_copy_is_a_film(self, tmp_path: Path) -> None:
        """DERIVED and SECONDARY are what archives make of a film that they compress."""
        found = read(tmp_path, ImageType=["DERIVED", "SECONDARY"], DerivationDescription="Lossy")
        assert found.derivation is None


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
    def test_it_takes_a_spacing_that_a_film_can_have(
        self, values: dict[str, object], sides: tuple[float | None, ...], tmp_path: Path
    ) -> None:
        """Archives write 0 or 1 for unknown, and some centimetres: nothing is made of these."""
        found = read(tmp_path, **values)
        assert (found.height_mm, found.width_mm) == pytest.approx(sides)


class TestPixelData:
    @pytest.mark.parametrize(
        "syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
    )
    def test_it_is_there(self, syntax: str, tmp_path: Path) -> None:
        """Seen without reading it."""
        assert read(tmp_path, syntax).has_pixel_data

    def test_it_is_missing(self, tmp_path: Path) -> None:
        """A header alone is refused when it comes, and not by the decoder later."""
        found = read(tmp_path, PixelData=None)
        refused = admit(found, make_admission_policy())
        assert isinstance(refused, Refused)
        assert (found.has_pixel_data, refused.reason) == (False, Reason.NO_PIXELS)
