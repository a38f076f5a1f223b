"""From bytes that a peer sent to the facts of a film."""

import tracemalloc
import zlib
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from node.domain.errors import Permanent
from node.domain.radiograph.body_part import BodyPart
from node.domain.radiograph.film import HeaderStatements
from node.domain.radiograph.view import View
from node.header.read import read_film
from tests.support.elements import preamble
from tests.support.wire_films import encoded_data_set, film, write

UNCOMPRESSED = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


class TestFacts:
    @pytest.mark.parametrize("syntax", UNCOMPRESSED)
    def test_all_are_read_in_every_encoding(self, syntax: str, tmp_path: Path) -> None:
        """What decisions rest on is the same whatever the transfer syntax."""
        ds = film(
            DigitalXRayImageStorageForPresentation,
            syntax,
            Modality="DX",
            ImageType=["DERIVED", "PRIMARY"],
            StudyDescription="Thorax PA",
            SeriesDescription="w/o grid",
            Manufacturer="Maker",
            NumberOfFrames="1",
            PatientWeight="61.5",
            PatientSize="1.62",
        )
        path = write(ds, tmp_path / "film.dcm")
        found = read_film(path, "XRAY1")
        assert (found.sop_class_uid, found.sop_instance_uid) == (ds.SOPClassUID, ds.SOPInstanceUID)
        assert found.study_instance_uid == ds.StudyInstanceUID
        assert found.series_instance_uid == ds.SeriesInstanceUID
        assert (found.transfer_syntax_uid, found.calling_ae) == (syntax, "XRAY1")
        assert (found.modality, found.body_part_examined, found.view_position) == (
            "DX",
            "CHEST",
            "PA",
        )
        assert found.image_type == ("DERIVED", "PRIMARY")
        assert found.study == HeaderStatements((BodyPart.CHEST,), View.PA)
        assert found.series == HeaderStatements()
        assert found.manufacturer == "Maker"
        assert (found.rows, found.columns) == (256, 256)
        assert (found.number_of_frames, found.samples_per_pixel) == (1, 1)
        assert (found.bits_allocated, found.bits_stored) == (8, 8)
        assert found.photometric_interpretation == "MONOCHROME2"
        assert found.has_pixel_data
        assert (found.age_years, found.sex) == (67.0, "F")
        assert (found.weight_kg, found.height_cm) == (61.5, pytest.approx(162.0))
        assert found.size == path.stat().st_size

    def test_codes_are_compared_in_capitals(self, tmp_path: Path) -> None:
        """Senders write `chest` and ` Pa `; the standard means CHEST and PA."""
        ds = film(BodyPartExamined="chest ", ViewPosition=" Pa", PatientSex="f", Modality="cr")
        found = read_film(write(ds, tmp_path / "film.dcm"), "A")
        assert (found.body_part_examined, found.view_position) == ("CHEST", "PA")
        assert (found.sex, found.modality) == ("F", "CR")

    def test_one_value_is_a_list_of_one(self, tmp_path: Path) -> None:
        """Image Type with a single value is not a row of letters."""
        found = read_film(write(film(ImageType="DERIVED"), tmp_path / "film.dcm"), "A")
        assert found.image_type == ("DERIVED",)

    def test_what_is_absent_is_empty(self, tmp_path: Path) -> None:
        """A poor header is a film all the same; policy decides what to make of it."""
        bare = film(
            Modality=None,
            BodyPartExamined=None,
            ViewPosition=None,
            PatientAge=None,
            PatientSex=None,
        )
        found = read_film(write(bare, tmp_path / "film.dcm"), "A")
        assert (found.modality, found.body_part_examined, found.view_position) == ("", "", "")
        assert (found.age_years, found.sex) == (None, "")
        assert (found.weight_kg, found.height_cm, found.image_type) == (None, None, ())

    @pytest.mark.parametrize(("written", "cm"), [("1.62", 162.0), ("162", 162.0), ("3", 300.0)])
    def test_a_height_may_be_typed_in_centimetres(
        self, written: str, cm: float, tmp_path: Path
    ) -> None:
        """Patient's Size is in metres; nobody is taller than three."""
        found = read_film(write(film(PatientSize=written), tmp_path / "film.dcm"), "A")
        assert found.height_cm == pytest.approx(cm)


class TestAge:
    @pytest.mark.parametrize(("born", "years"), [("19900101", 30.0), ("19000101", 67.0)])
    def test_of_two_ages_the_younger_counts(self, born: str, years: float, tmp_path: Path) -> None:
        """Whichever of the two is wrong, nobody young is scored; and that they differ is known."""
        ds = film(PatientAge="067Y", PatientBirthDate=born, StudyDate="20200615")
        found = read_film(write(ds, tmp_path / "film.dcm"), "A")
        assert (found.age_years, found.age_contradicted) == (years, True)

    def test_a_birth_year_makes_nobody_older(self, tmp_path: Path) -> None:
        """Somebody of 1970 may still be 49 in June 2020."""
        ds = film(PatientAge=None, StudyDate="20200615")
        ds.add_new("PatientBirthDate", "LO", "1970")
        assert read_film(write(ds, tmp_path / "film.dcm"), "A").age_years == 49.0

    @pytest.mark.parametrize("stated", [None, "", "000Y"])
    def test_else_the_dates_tell(self, stated: str | None, tmp_path: Path) -> None:
        """Patient's Age is optional, the birth date is not."""
        ds = film(PatientAge=stated, PatientBirthDate="19500101", StudyDate="20200615")
        assert read_film(write(ds, tmp_path / "film.dcm"), "A").age_years == 70.0

    def test_the_film_was_taken_when_it_was_acquired(self, tmp_path: Path) -> None:
        """The study's date may be years earlier, of the first film of a long follow-up."""
        ds = film(
            PatientAge=None,
            PatientBirthDate="19500101",
            AcquisitionDate="20240301",
            StudyDate="20200615",
        )
        assert read_film(write(ds, tmp_path / "film.dcm"), "A").age_years == 74.0

    def test_without_any_date_it_is_unknown(self, tmp_path: Path) -> None:
        """Today is not when the film was taken."""
        ds = film(PatientAge=None, PatientBirthDate="19500101")
        assert read_film(write(ds, tmp_path / "film.dcm"), "A").age_years is None


class TestPatient:
    def test_of_whose_it_is_no_more_is_kept_than_a_pseudonym(self, tmp_path: Path) -> None:
        """Made of issuer and ID; neither is anywhere among the facts."""
        ds = film(PatientID="P-17", IssuerOfPatientID="HOSPITAL")
        path = write(ds, tmp_path / "film.dcm")
        found = read_film(path, "A", lambda issuer, number: f"<{len(issuer)} {len(number)}>")
        assert found.patient == "<8 4>"
        assert not {"P-17", "HOSPITAL"} & {str(value) for value in asdict(found).values()}

    def test_an_id_counts_to_its_end(self, tmp_path: Path) -> None:
        """Two that begin alike are two, however long some system makes them."""
        path = write(film(PatientID="7" * 64), tmp_path / "film.dcm")
        path.write_bytes(path.read_bytes().replace(b"7" * 64, b"7" * 63 + b"8"))
        found = read_film(path, "A", lambda _, number: number)
        assert found.patient == "7" * 63 + "8"

    def test_nobody_asks_nobody_is_told(self, tmp_path: Path) -> None:
        """A folder is screened without pseudonyms."""
        assert read_film(write(film(PatientID="P-17"), tmp_path / "film.dcm"), "A").patient == ""

    def test_where_and_when_it_was_taken(self, tmp_path: Path) -> None:
        """By the modality's own name, and by the date nearest to the exposure."""
        ds = film(StationName=" ROOM 2 ", StudyDate="20260301", AcquisitionDate="20260302")
        found = read_film(write(ds, tmp_path / "film.dcm"), "A")
        assert (found.station, found.exposure_date) == ("ROOM 2", date(2026, 3, 2))

    @pytest.mark.parametrize("written", ["", "20261301", "yesterday"])
    def test_a_day_that_is_none_is_unknown(self, written: str, tmp_path: Path) -> None:
        ds = film(StudyDate=written)
        assert read_film(write(ds, tmp_path / "film.dcm"), "A").exposure_date is None


class TestDigest:
    def digest(self, ds: Dataset, path: Path) -> str:
        return read_film(write(ds, path), "A").digest

    def test_the_file_meta_information_is_left_out(self, tmp_path: Path) -> None:
        """The same film sent again after an upgrade of either side is known again."""
        ds = film()
        first = self.digest(ds, tmp_path / "1.dcm")
        ds.file_meta.ImplementationVersionName = "NEWER_2"
        ds.file_meta.SourceApplicationEntityTitle = "ELSEWHERE"
        ds.preamble = b"II*\0".ljust(128, b"\0")
        assert self.digest(ds, tmp_path / "2.dcm") == first

    def test_other_bytes_have_another(self, tmp_path: Path) -> None:
        """One corrected letter of a name is another object under the same UID."""
        ds = film()
        first = self.digest(ds, tmp_path / "1.dcm")
        ds.PatientName = "Doe^Janet"
        assert self.digest(ds, tmp_path / "2.dcm") != first

    def test_the_transfer_syntax_is_part_of_it(self, tmp_path: Path) -> None:
        """Bytes mean nothing without it."""
        path = write(film(), tmp_path / "1.dcm")
        relabelled = tmp_path / "2.dcm"
        relabelled.write_bytes(preamble(b"1.2.840.10008.1.2.4.70") + encoded_data_set(path))
        assert encoded_data_set(relabelled) == encoded_data_set(path)
        assert read_film(relabelled, "A").digest != read_film(path, "A").digest

    def test_the_caller_is_no_part_of_it(self, tmp_path: Path) -> None:
        """The same film from the modality and from the PACS is one film."""
        path = write(film(), tmp_path / "1.dcm")
        assert read_film(path, "XRAY1").digest == read_film(path, "PACS").digest


class TestDeflated:
    def test_a_bomb_is_refused(self, tmp_path: Path) -> None:
        """Half a megabyte that inflates to more than the memory holds never gets that far."""
        deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        block = deflate.compress(bytes(16 * 1024**2)) + deflate.flush(zlib.Z_FULL_FLUSH)
        path = tmp_path / "bomb.dcm"
        path.write_bytes(preamble(b"1.2.840.10008.1.2.1.99") + block * 40 + deflate.flush())
        assert path.stat().st_size < 1024**2
        with pytest.raises(Permanent, match="too large once inflated"):
            read_film(path, "A")

    def test_its_header_does_not_cost_its_pixels(self, tmp_path: Path) -> None:
        """A film that inflates to 256 MB is known by its beginning; ingest has many at once."""
        plain = encoded_data_set(write(film(), tmp_path / "film.dcm"))
        deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        start = deflate.compress(plain) + deflate.flush(zlib.Z_FULL_FLUSH)
        block = deflate.compress(bytes(16 * 1024**2)) + deflate.flush(zlib.Z_FULL_FLUSH)
        path = tmp_path / "large.dcm"
        path.write_bytes(preamble(b"1.2.840.10008.1.2.1.99") + start + block * 16 + deflate.flush())
        tracemalloc.start()
        try:
            assert read_film(path, "A").rows == 256
            assert tracemalloc.get_traced_memory()[1] < 64 * 1024**2
        finally:
            tracemalloc.stop()

    def test_one_that_breaks_off_cannot_be_read(self, tmp_path: Path) -> None:
        """What is missing could be anything."""
        path = write(film(syntax=DeflatedExplicitVRLittleEndian), tmp_path / "film.dcm")
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(Permanent, match="the deflated data set is truncated"):
            read_film(path, "A")

    def test_what_is_not_deflated_cannot_be_read(self, tmp_path: Path) -> None:
        """A sender that negotiated deflate and sent plain bytes is told so."""
        path = tmp_path / "plain.dcm"
        plain = encoded_data_set(write(film(), tmp_path / "film.dcm"))
        path.write_bytes(preamble(b"1.2.840.10008.1.2.1.99") + plain)
        with pytest.raises(Permanent, match="cannot be read"):
            read_film(path, "A")


@pytest.mark.shared_data
class TestRealFilms:
    @pytest.mark.parametrize(
        ("name", "part", "view", "age", "matrix"),
        [
            ("RG1_UNCR", "CHEST", "PA", 55.0, (1955, 1841)),
            ("RG1_J2KR", "CHEST", "PA", 55.0, (1955, 1841)),
            ("RG1_JLSN", "CHEST", "PA", 55.0, (1955, 1841)),
            ("CR_siim_nih_PA_62M", "CHEST", "PA", 62.0, (1024, 1024)),
            ("udacity_test1", "CHEST", "", 81.0, (1024, 1024)),
            ("udacity_test4", "RIBCAGE", "", 81.0, (1024, 1024)),
        ],
    )
    def test_chest_films(
        self,
        name: str,
        part: str,
        view: str,
        age: float | None,
        matrix: tuple[int, int],
        shared_data: Path,
    ) -> None:
        """Compressed or not, no age but a birth date, an age without a unit, RIBCAGE."""
        found = read_film(shared_data / "dicom" / "chest" / f"{name}.dcm", "A")
        assert (found.body_part_examined, found.view_position) == (part, view)
        assert (found.age_years, (found.rows, found.columns)) == (age, matrix)

    @pytest.mark.parametrize("name", ["chrJapMulti", "chrKoreanMulti"])
    def test_other_scripts_do_no_harm(self, name: str, shared_data: Path) -> None:
        """ISO 2022 names stand beside what is read, and are not read."""
        path = shared_data / "dicom" / "headers" / f"{name}.dcm"
        found = read_film(path, "A")
        assert found.sop_instance_uid == str(dcmread(path).SOPInstanceUID)
        assert (found.modality, found.body_part_examined) == ("CR", "CHEST")

    def test_no_header_of_theirs_is_too_much(self, shared_data: Path) -> None:
        """CT, mammogram, hip: each is read, and has a digest of its own."""
        paths = sorted((shared_data / "dicom").glob("*/*.dcm"))
        found = [read_film(path, "A") for path in paths]
        assert [film.sop_class_uid for film in found] == [
            str(pydicom.dcmread(path, stop_before_pixels=True).SOPClassUID) for path in paths
        ]
        assert len({film.digest for film in found}) == len(paths)
