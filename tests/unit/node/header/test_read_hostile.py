"""Damaged and malicious headers are read safely or refused."""

import random
import struct
from pathlib import Path

import pytest

from node.domain.errors import Permanent
from node.domain.radiograph.film import Film
from node.header.read import read_film
from tests.support.elements import element, preamble, write_header
from tests.support.films import make_film, write_film


def read(tmp_path: Path, vrs: dict[str, str] | None = None, **values: bytes | None) -> Film:
    """Write a header with these bytes as values, and read the film."""
    return read_film(write_header(tmp_path / "film.dcm", values, vrs), "A")


UIDS = ["SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID"]


class TestIdentifiers:
    @pytest.mark.parametrize("keyword", UIDS)
    @pytest.mark.parametrize(
        "value",
        [
            None,
            b"",
            b"../../x\0",
            b"/etc/passwd\0",
            b"1.2\\1.3\0",
            b"1.2\x00.3\0",
            b"1.2; DROP TABLE job\0",
            b"1.2.{0.__class__}\0",
            b"1." + b"2" * 64,
            "1.2.٣".encode(),
        ],
    )
    def test_an_invalid_uid_is_refused(
        self, keyword: str, value: bytes | None, tmp_path: Path
    ) -> None:
        """UIDs are used in reports and in names of files, so an invalid UID is refused."""
        with pytest.raises(Permanent, match=f"^{keyword} is absent or not a UID$"):
            read(tmp_path, **{keyword: value})

    def test_the_error_does_not_contain_the_value(self, tmp_path: Path) -> None:
        """The error about a UID is logged and sent to the peer, so it does not quote the value."""
        with pytest.raises(Permanent) as caught:
            read(tmp_path, SOPInstanceUID=b"Doe^Jane")
        assert "Doe" not in str(caught.value)

    def test_sixty_four_characters_are_a_uid(self, tmp_path: Path) -> None:
        """The standard allows a UID of at most 64 characters."""
        longest = b"1." + b"2" * 62
        assert read(tmp_path, SOPInstanceUID=longest).sop_instance_uid == longest.decode()


class TestText:
    def test_a_long_text_is_truncated(self, tmp_path: Path) -> None:
        """Texts of a header are copied into rows, log events and reports."""
        actual = read(tmp_path, Manufacturer=b"A" * 65534)
        assert actual.manufacturer == "A" * 64

    def test_control_characters_are_replaced(self, tmp_path: Path) -> None:
        """PostgreSQL refuses NUL; line feeds and escape codes would disturb logs and terminals."""
        actual = read(tmp_path, Manufacturer=b"a\x00b\nc\x1b[2Jd\x9b2Je\x7ff")
        assert actual.manufacturer == "a b c [2Jd 2Je f"

    def test_values_of_a_list_are_limited(self, tmp_path: Path) -> None:
        """Each value of a list is cleaned, and the number of values is limited."""
        actual = read(tmp_path, ImageType=b"a\x00b\\" * 999 + b"X ")
        assert actual.image_type == ("A B",) * 16

    def test_several_values_match_none_of_them(self, tmp_path: Path) -> None:
        """A modality with the two values CR and DX counts as unknown."""
        actual = read(tmp_path, Modality=b"CR\\DX ", BodyPartExamined=b"CHEST\\HIP ")
        assert actual.modality not in ("CR", "DX")
        assert actual.body_part_examined not in ("CHEST", "HIP")

    @pytest.mark.parametrize(
        "charset", [b"ISO 2022 IR 9999", b"\\\\\\\\", b"\xff\xfe", b"GB18030 "]
    )
    def test_an_invalid_character_set_causes_no_error(self, charset: bytes, tmp_path: Path) -> None:
        """With an invalid character set, the film is read, but texts may be wrong."""
        actual = read(tmp_path, SpecificCharacterSet=charset, Manufacturer=b"CHEST \xff\x1b$B")
        assert actual.manufacturer.startswith("CHEST")

    @pytest.mark.parametrize("charset", [b"rot13 ", b"zlib"])
    def test_a_codec_that_is_not_for_text_gives_an_empty_text(
        self, charset: bytes, tmp_path: Path
    ) -> None:
        """pydicom looks up unknown character sets among the codecs of Python."""
        actual = read(tmp_path, SpecificCharacterSet=charset, Manufacturer=b"CHEST \x1b$B")
        assert actual.manufacturer == ""

    def test_a_code_in_upper_case_is_truncated(self, tmp_path: Path) -> None:
        """A text in upper case may be longer, because the German sharp s becomes two letters."""
        actual = read(tmp_path, SpecificCharacterSet=b"ISO_IR 100", BodyPartExamined=b"\xdf" * 64)
        assert actual.body_part_examined == "S" * 64


class TestNumbers:
    @pytest.mark.parametrize(
        "value", [b"", b"abc ", b"-5", b"0 ", b"nan ", b"1.5 ", b"9" * 300, b"5\\6 ", b"\xd9\xa5"]
    )
    def test_an_invalid_number_of_frames_is_one(self, value: bytes, tmp_path: Path) -> None:
        """Without a valid number, the film counts as one frame; the decoder checks the pixels."""
        assert read(tmp_path, NumberOfFrames=value).number_of_frames == 1

    @pytest.mark.parametrize(
        "value", [b"", b"nan ", b"inf ", b"-70 ", b"1e400 ", b"heavy ", b"70\\71 ", b"0 "]
    )
    def test_an_invalid_weight_is_unknown(self, value: bytes, tmp_path: Path) -> None:
        """A weight of NaN or infinity must not reach the clinical model."""
        assert read(tmp_path, PatientWeight=value).weight_kg is None

    @pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x08\x01", b"\x00\x08\x00\x08"])
    def test_invalid_rows_are_unknown(self, value: bytes, tmp_path: Path) -> None:
        """An empty value, an odd length or two values make the number of rows unknown."""
        actual = read(tmp_path, Rows=value)
        assert (actual.rows, actual.columns) == (None, 0x0700)

    @pytest.mark.parametrize(
        "value", [b"\xd9\xa0\xd9\xa6\xd9\xa7Y", b"067Y\\068Y ", b"6\x0007", b"LXVII "]
    )
    def test_an_invalid_age_is_unknown(self, value: bytes, tmp_path: Path) -> None:
        """The invalid ages have foreign digits, two values, a NUL, or Roman numerals."""
        assert read(tmp_path, PatientAge=value).age_years is None

    @pytest.mark.parametrize("value", [b"19509999", b"19500101-19510101 ", b"yesterday ", b"\0\0"])
    def test_an_invalid_birth_date_is_unknown(self, value: bytes, tmp_path: Path) -> None:
        """No age is computed from an invalid birth date."""
        actual = read(tmp_path, PatientBirthDate=value, StudyDate=b"20200615")
        assert actual.age_years is None


class TestVr:
    @pytest.mark.parametrize("keyword", ["Modality", "ImageType", "Manufacturer", "PatientAge"])
    @pytest.mark.parametrize(
        ("vr", "value"),
        [
            ("US", b"\x01\x00"),
            ("US", b"\x01\x00\x02\x00"),
            ("FD", struct.pack("<d", float("nan"))),
            ("OB", b"CR"),
            ("SQ", b""),
            ("AT", b"\x08\x00\x18\x00"),
            ("ZZ", b"CR"),
        ],
    )
    def test_a_wrong_vr_affects_only_its_own_value(
        self, keyword: str, vr: str, value: bytes, tmp_path: Path
    ) -> None:
        """An attribute with a wrong VR is unknown, and the other attributes are read."""
        actual = read(tmp_path, {keyword: vr}, **{keyword: value})
        assert (actual.sop_instance_uid, actual.columns) == ("1.2.3.4", 0x0700)


class TestStructure:
    @pytest.mark.parametrize("length", [0, 10, 131, 132, 150, 210, 240])
    def test_a_truncated_file_is_refused(self, length: int, tmp_path: Path) -> None:
        """The truncated file lacks its preamble, its file meta information or its UIDs."""
        path = write_header(tmp_path / "film.dcm", {})
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises(Permanent):
            read_film(path, "A")

    def test_deeply_nested_sequences_are_refused(self, tmp_path: Path) -> None:
        """A header with 20,000 levels of sequences does not crash the process."""
        item = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
        item += b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        path = tmp_path / "deep.dcm"
        path.write_bytes(preamble() + element("SOPInstanceUID", b"1.2.3.4\0") + item * 20_000)
        with pytest.raises(Permanent):
            read_film(path, "A")

    def test_an_unterminated_sequence_is_refused(self, tmp_path: Path) -> None:
        """pydicom raises OSError for this sequence, although the disk is not the cause."""
        item = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00"
        path = tmp_path / "endless.dcm"
        path.write_bytes(preamble() + element("SOPInstanceUID", b"1.2.3.4\0") + item)
        with pytest.raises(Permanent, match="a sequence is damaged"):
            read_film(path, "A")

    def test_a_length_beyond_the_file_is_refused(self, tmp_path: Path) -> None:
        """The element announces 4 GB but has 11 bytes, and no memory is reserved for 4 GB."""
        header = struct.pack("<HH2sHI", 0x0008, 0x0008, b"UT", 0, 0xFFFFFFF0) + b"eleven byte"
        path = tmp_path / "long.dcm"
        path.write_bytes(preamble() + header)
        with pytest.raises(Permanent):
            read_film(path, "A")

    @pytest.mark.parametrize("seed", range(4))
    def test_damaged_bytes_are_read_or_refused(self, seed: int, tmp_path: Path) -> None:
        """A file with random changes gives a film or the error Permanent."""
        rnd = random.Random(seed)  # noqa: S311 - a repeatable test
        nested = [make_film(side=16, PatientAge=None)]
        intact = write_film(
            make_film(
                side=16, ReferencedImageSequence=nested, ImageType=["A", "B"], PatientSize="1"
            ),
            tmp_path / "intact.dcm",
        ).read_bytes()
        path, outcomes = tmp_path / "damaged.dcm", set()
        for _ in range(250):
            damaged = bytearray(intact)
            for _ in range(rnd.choice([1, 2, 8])):
                at = rnd.randrange(132, 900)
                damaged[at : at + rnd.randrange(4)] = rnd.randbytes(rnd.randrange(4))
            path.write_bytes(damaged)
            try:
                outcomes.add(type(read_film(path, "A")))
            except Permanent:
                outcomes.add(Permanent)
        assert outcomes == {Film, Permanent}
