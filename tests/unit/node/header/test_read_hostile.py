"""Headers that are broken, or made to break something."""

import random
import struct
from pathlib import Path

import pytest

from node.domain.errors import Permanent
from node.domain.radiograph.film import Film
from node.header.read import read_film
from tests.support.elements import element, hostile, preamble
from tests.support.wire_films import film, write


def read(tmp_path: Path, vrs: dict[str, str] | None = None, **values: bytes | None) -> Film:
    return read_film(hostile(tmp_path / "film.dcm", values, vrs), "A")


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
    def test_what_is_no_uid_is_refused(
        self, keyword: str, value: bytes | None, tmp_path: Path
    ) -> None:
        """Without a UID of digits and dots a film cannot be reported on, nor named safely."""
        with pytest.raises(Permanent, match=f"^{keyword} is absent or not a UID$"):
            read(tmp_path, **{keyword: value})

    def test_the_message_does_not_repeat_it(self, tmp_path: Path) -> None:
        """It goes into the log and back over the wire."""
        with pytest.raises(Permanent) as caught:
            read(tmp_path, SOPInstanceUID=b"Doe^Jane")
        assert "Doe" not in str(caught.value)

    def test_sixty_four_characters_are_a_uid(self, tmp_path: Path) -> None:
        """As long as the standard allows, padded with a NUL or not."""
        longest = b"1." + b"2" * 62
        assert read(tmp_path, SOPInstanceUID=longest).sop_instance_uid == longest.decode()


class TestText:
    def test_it_is_cut_short(self, tmp_path: Path) -> None:
        """64 KiB of description would be copied into every row, log line and report."""
        found = read(tmp_path, Manufacturer=b"A" * 65534)
        assert found.manufacturer == "A" * 64

    def test_control_characters_are_blanked(self, tmp_path: Path) -> None:
        """NUL breaks PostgreSQL, line feeds a log, escapes (C1 ones as well) a terminal."""
        found = read(tmp_path, Manufacturer=b"a\x00b\nc\x1b[2Jd\x9b2Je\x7ff")
        assert found.manufacturer == "a b c [2Jd 2Je f"

    def test_in_a_list_too(self, tmp_path: Path) -> None:
        """Each value for itself, and no more of them than anyone needs."""
        found = read(tmp_path, ImageType=b"a\x00b\\" * 999 + b"X ")
        assert found.image_type == ("A B",) * 16

    def test_several_values_are_none_of_them(self, tmp_path: Path) -> None:
        """CR and DX at once is not CR: policy sees a modality that it does not know."""
        found = read(tmp_path, Modality=b"CR\\DX ", BodyPartExamined=b"CHEST\\HIP ")
        assert found.modality not in ("CR", "DX")
        assert found.body_part_examined not in ("CHEST", "HIP")

    @pytest.mark.parametrize(
        "charset", [b"ISO 2022 IR 9999", b"\\\\\\\\", b"\xff\xfe", b"GB18030 "]
    )
    def test_an_odd_character_set_does_no_harm(self, charset: bytes, tmp_path: Path) -> None:
        """Text may come out wrong; the film is read."""
        found = read(tmp_path, SpecificCharacterSet=charset, Manufacturer=b"CHEST \xff\x1b$B")
        assert found.manufacturer.startswith("CHEST")

    @pytest.mark.parametrize("charset", [b"rot13 ", b"zlib"])
    def test_a_codec_that_is_for_no_text_leaves_a_text_unread(
        self, charset: bytes, tmp_path: Path
    ) -> None:
        """pydicom takes what it does not know to Python's codecs, and some are none of text."""
        found = read(tmp_path, SpecificCharacterSet=charset, Manufacturer=b"CHEST \x1b$B")
        assert found.manufacturer == ""

    def test_a_code_in_capitals_is_no_longer_than_others(self, tmp_path: Path) -> None:
        """One letter may have two capitals, as the German sharp s."""
        found = read(tmp_path, SpecificCharacterSet=b"ISO_IR 100", BodyPartExamined=b"\xdf" * 64)
        assert found.body_part_examined == "S" * 64


class TestNumbers:
    @pytest.mark.parametrize(
        "value", [b"", b"abc ", b"-5", b"0 ", b"nan ", b"1.5 ", b"9" * 300, b"5\\6 ", b"\xd9\xa5"]
    )
    def test_a_frame_count_that_is_none_is_one(self, value: bytes, tmp_path: Path) -> None:
        """These classes have one frame; what the pixels hold is checked when they are decoded."""
        assert read(tmp_path, NumberOfFrames=value).number_of_frames == 1

    @pytest.mark.parametrize(
        "value", [b"", b"nan ", b"inf ", b"-70 ", b"1e400 ", b"heavy ", b"70\\71 ", b"0 "]
    )
    def test_a_weight_that_is_none_is_unknown(self, value: bytes, tmp_path: Path) -> None:
        """A clinical model must never see NaN or infinity."""
        assert read(tmp_path, PatientWeight=value).weight_kg is None

    @pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x08\x01", b"\x00\x08\x00\x08"])
    def test_rows_that_are_none_are_unknown(self, value: bytes, tmp_path: Path) -> None:
        """Empty, of an odd length, or two: there is no height, and policy says so."""
        found = read(tmp_path, Rows=value)
        assert (found.rows, found.columns) == (None, 0x0700)

    @pytest.mark.parametrize(
        "value", [b"\xd9\xa0\xd9\xa6\xd9\xa7Y", b"067Y\\068Y ", b"6\x0007", b"LXVII "]
    )
    def test_an_age_that_is_none_is_unknown(self, value: bytes, tmp_path: Path) -> None:
        """Other scripts' digits, two ages, a NUL, words."""
        assert read(tmp_path, PatientAge=value).age_years is None

    @pytest.mark.parametrize("value", [b"19509999", b"19500101-19510101 ", b"yesterday ", b"\0\0"])
    def test_a_birth_date_that_is_none_is_unknown(self, value: bytes, tmp_path: Path) -> None:
        """A range, a thirteenth month: no age is made of it."""
        found = read(tmp_path, PatientBirthDate=value, StudyDate=b"20200615")
        assert found.age_years is None


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
    def test_the_wrong_one_spoils_that_value_alone(
        self, keyword: str, vr: str, value: bytes, tmp_path: Path
    ) -> None:
        """The film is read with what else it has."""
        found = read(tmp_path, {keyword: vr}, **{keyword: value})
        assert (found.sop_instance_uid, found.columns) == ("1.2.3.4", 0x0700)


class TestStructure:
    @pytest.mark.parametrize("length", [0, 10, 131, 132, 150, 210, 240])
    def test_a_truncated_file_cannot_be_read(self, length: int, tmp_path: Path) -> None:
        """Wherever it was cut: no preamble, no file meta information, no identifiers."""
        path = hostile(tmp_path / "film.dcm", {})
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises(Permanent):
            read_film(path, "A")

    def test_sequences_within_sequences_without_end_cannot_be_read(self, tmp_path: Path) -> None:
        """Twenty thousand levels run into a limit, not into a crash."""
        item = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
        item += b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        path = tmp_path / "deep.dcm"
        path.write_bytes(preamble() + element("SOPInstanceUID", b"1.2.3.4\0") + item * 20_000)
        with pytest.raises(Permanent):
            read_film(path, "A")

    def test_a_sequence_without_end_cannot_be_read(self, tmp_path: Path) -> None:
        """pydicom says so by an OSError; it is the film that is damaged, not the disk."""
        item = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + b"\xfe\xff\x00"
        path = tmp_path / "endless.dcm"
        path.write_bytes(preamble() + element("SOPInstanceUID", b"1.2.3.4\0") + item)
        with pytest.raises(Permanent, match="a sequence is damaged"):
            read_film(path, "A")

    def test_a_length_beyond_the_file_cannot_be_read(self, tmp_path: Path) -> None:
        """Four gigabytes announced and eleven bytes there: nothing is waited for or reserved."""
        header = struct.pack("<HH2sHI", 0x0008, 0x0008, b"UT", 0, 0xFFFFFFF0) + b"eleven byte"
        path = tmp_path / "long.dcm"
        path.write_bytes(preamble() + header)
        with pytest.raises(Permanent):
            read_film(path, "A")

    @pytest.mark.parametrize("seed", range(4))
    def test_damaged_bytes_are_read_or_refused(self, seed: int, tmp_path: Path) -> None:
        """Bytes changed, lost and put in at random: a Film or Permanent, no other error."""
        rnd = random.Random(seed)  # noqa: S311 - a repeatable test
        nested = [film(side=16, PatientAge=None)]
        sound = write(
            film(side=16, ReferencedImageSequence=nested, ImageType=["A", "B"], PatientSize="1"),
            tmp_path / "sound.dcm",
        ).read_bytes()
        path, outcomes = tmp_path / "damaged.dcm", set()
        for _ in range(250):
            damaged = bytearray(sound)
            for _ in range(rnd.choice([1, 2, 8])):
                at = rnd.randrange(132, 900)
                damaged[at : at + rnd.randrange(4)] = rnd.randbytes(rnd.randrange(4))
            path.write_bytes(damaged)
            try:
                outcomes.add(type(read_film(path, "A")))
            except Permanent:
                outcomes.add(Permanent)
        assert outcomes == {Film, Permanent}
