"""Films are read from files."""

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
from tests.support.films import encoded_data_set, make_film, write_film

UNCOMPRESSED = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


class TestAttributes:
    @pytest.mark.parametrize("syntax", UNCOMPRESSED)
    def test_attributes_are_read_in_every_encoding(self, syntax: str, tmp_path: Path) -> None:
        """The transfer syntax does not change the attributes of a film."""
        ds = make_film(
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
        path = write_film(ds, tmp_path / "film.dcm")
        actual = read_film(path, "XRAY1")
        assert (actual.sop_class_uid, actual.sop_instance_uid) == (
            ds.SOPClassUID,
            ds.SOPInstanceUID,
        )
        assert actual.study_instance_uid == ds.StudyInstanceUID
        assert actual.series_instance_uid == ds.SeriesInstanceUID
        assert (actual.transfer_syntax_uid, actual.calling_ae) == (syntax, "XRAY1")
        assert (actual.modality, actual.body_part_examined, actual.view_position) == (
            "DX",
            "CHEST",
            "PA",
        )
        assert actual.image_type == ("DERIVED", "PRIMARY")
        assert actual.study == HeaderStatements((BodyPart.CHEST,), View.PA)
        assert actual.series == HeaderStatements()
        assert actual.manufacturer == "Maker"
        assert (actual.rows, actual.columns) == (256, 256)
        assert (actual.number_of_frames, actual.samples_per_pixel) == (1, 1)
        assert (actual.bits_allocated, actual.bits_stored) == (8, 8)
        assert actual.photometric_interpretation == "MONOCHROME2"
        assert actual.has_pixel_data
        assert (actual.age_years, actual.sex) == (67.0, "F")
        assert (actual.weight_kg, actual.height_cm) == (61.5, pytest.approx(162.0))
        assert actual.size == path.stat().st_size

    def test_codes_are_in_upper_case(self, tmp_path: Path) -> None:
        """Senders write `chest` or ` Pa ` instead of CHEST and PA."""
        ds = make_film(BodyPartExamined="chest ", ViewPosition=" Pa", PatientSex="f", Modality="cr")
        actual = read_film(write_film(ds, tmp_path / "film.dcm"), "A")
        assert (actual.body_part_examined, actual.view_position) == ("CHEST", "PA")
        assert (actual.sex, actual.modality) == ("F", "CR")

    def test_a_single_value_is_a_tuple_of_one(self, tmp_path: Path) -> None:
        """Image Type may have a single value."""
        actual = read_film(write_film(make_film(ImageType="DERIVED"), tmp_path / "film.dcm"), "A")
        assert actual.image_type == ("DERIVED",)

    def test_an_absent_attribute_is_empty(self, tmp_path: Path) -> None:
        """A film with few attributes is read, and the admission policy decides on it."""
        bare = make_film(
            Modality=None,
            BodyPartExamined=None,
            ViewPosition=None,
            PatientAge=None,
            PatientSex=None,
        )
        actual = read_film(write_film(bare, tmp_path / "film.dcm"), "A")
        assert (actual.modality, actual.body_part_examined, actual.view_position) == ("", "", "")
        assert (actual.age_years, actual.sex) == (None, "")
        assert (actual.weight_kg, actual.height_cm, actual.image_type) == (None, None, ())

    @pytest.mark.parametrize(("text", "cm"), [("1.62", 162.0), ("162", 162.0), ("3", 300.0)])
    def test_a_height_may_be_in_centimetres(self, text: str, cm: float, tmp_path: Path) -> None:
        """Patient's Size is in metres, so a value above 3 must be in centimetres."""
        actual = read_film(write_film(make_film(PatientSize=text), tmp_path / "film.dcm"), "A")
        assert actual.height_cm == pytest.approx(cm)


class TestAge:
    @pytest.mark.parametrize(("born", "years"), [("19900101", 30.0), ("19000101", 67.0)])
    def test_the_lower_of_two_ages_counts(self, born: str, years: float, tmp_path: Path) -> None:
        """If two stated ages differ, at least one age is wrong, so the film is marked."""
        ds = make_film(PatientAge="067Y", PatientBirthDate=born, StudyDate="20200615")
        actual = read_film(write_film(ds, tmp_path / "film.dcm"), "A")
        assert (actual.age_years, actual.age_contradicted) == (years, True)

    def test_a_birth_year_gives_the_lower_age(self, tmp_path: Path) -> None:
        """A patient born in the year 1970 may be 49 in June 2020."""
        ds = make_film(PatientAge=None, StudyDate="20200615")
        ds.add_new("PatientBirthDate", "LO", "1970")
        assert read_film(write_film(ds, tmp_path / "film.dcm"), "A").age_years == 49.0

    @pytest.mark.parametrize("stated", [None, "", "000Y"])
    def test_without_an_age_the_dates_count(self, stated: str | None, tmp_path: Path) -> None:
        """Patient's Age is optional, so the dates give the age if it is missing."""
        ds = make_film(PatientAge=stated, PatientBirthDate="19500101", StudyDate="20200615")
        assert read_film(write_film(ds, tmp_path / "film.dcm"), "A").age_years == 70.0

    def test_the_acquisition_date_has_priority(self, tmp_path: Path) -> None:
        """In a follow-up, Study Date may be the date of the first film, years before this film."""
        ds = make_film(
            PatientAge=None,
            PatientBirthDate="19500101",
            AcquisitionDate="20240301",
            StudyDate="20200615",
        )
        assert read_film(write_film(ds, tmp_path / "film.dcm"), "A").age_years == 74.0

    def test_without_a_date_the_age_is_unknown(self, tmp_path: Path) -> None:
        """The date of receipt is not used in place of a missing date."""
        ds = make_film(PatientAge=None, PatientBirthDate="19500101")
        assert read_film(write_film(ds, tmp_path / "film.dcm"), "A").age_years is None


class TestPatient:
    def test_only_a_pseudonym_is_stored(self, tmp_path: Path) -> None:
        """The pseudonym is computed from issuer and ID, which are not stored."""
        ds = make_film(PatientID="P-17", IssuerOfPatientID="HOSPITAL")
        path = write_film(ds, tmp_path / "film.dcm")
        actual = read_film(path, "A", lambda issuer, number: f"<{len(issuer)} {len(number)}>")
        assert actual.patient == "<8 4>"
        assert not {"P-17", "HOSPITAL"} & {str(value) for value in asdict(actual).values()}

    def test_a_long_id_is_not_truncated(self, tmp_path: Path) -> None:
        """Two long patient IDs may differ in the last character only."""
        path = write_film(make_film(PatientID="7" * 64), tmp_path / "film.dcm")
        path.write_bytes(path.read_bytes().replace(b"7" * 64, b"7" * 63 + b"8"))
        actual = read_film(path, "A", lambda _, number: number)
        assert actual.patient == "7" * 63 + "8"

    def test_the_default_is_no_pseudonym(self, tmp_path: Path) -> None:
        """Batch screening uses no pseudonyms."""
        assert (
            read_film(write_film(make_film(PatientID="P-17"), tmp_path / "film.dcm"), "A").patient
            == ""
        )

    def test_station_and_date_of_the_exposure(self, tmp_path: Path) -> None:
        """The date of the film is the stated date that is closest to the exposure."""
        ds = make_film(StationName=" ROOM 2 ", StudyDate="20260301", AcquisitionDate="20260302")
        actual = read_film(write_film(ds, tmp_path / "film.dcm"), "A")
        assert (actual.station, actual.exposure_date) == ("ROOM 2", date(2026, 3, 2))

    @pytest.mark.parametrize("text", ["", "20261301", "yesterday"])
    def test_an_invalid_date_is_unknown(self, text: str, tmp_path: Path) -> None:
        """A film with an invalid date is read, and the date is unknown."""
        ds = make_film(StudyDate=text)
        assert read_film(write_film(ds, tmp_path / "film.dcm"), "A").exposure_date is None


class TestDigest:
    def digest(self, ds: Dataset, path: Path) -> str:
        """Write a data set, and return the digest of its film."""
        return read_film(write_film(ds, path), "A").digest

    def test_the_file_meta_information_does_not_change_it(self, tmp_path: Path) -> None:
        """A film must be recognised if its sender sends it again after an upgrade."""
        ds = make_film()
        first = self.digest(ds, tmp_path / "1.dcm")
        ds.file_meta.ImplementationVersionName = "NEWER_2"
        ds.file_meta.SourceApplicationEntityTitle = "ELSEWHERE"
        ds.preamble = b"II*\0".ljust(128, b"\0")
        assert self.digest(ds, tmp_path / "2.dcm") == first

    def test_other_bytes_change_it(self, tmp_path: Path) -> None:
        """A correction of Patient's Name keeps the UID but changes the digest."""
        ds = make_film()
        first = self.digest(ds, tmp_path / "1.dcm")
        ds.PatientName = "Doe^Janet"
        assert self.digest(ds, tmp_path / "2.dcm") != first

    def test_the_transfer_syntax_changes_it(self, tmp_path: Path) -> None:
        """The same bytes have another meaning in another transfer syntax."""
        path = write_film(make_film(), tmp_path / "1.dcm")
        relabelled = tmp_path / "2.dcm"
        relabelled.write_bytes(preamble(b"1.2.840.10008.1.2.4.70") + encoded_data_set(path))
        assert encoded_data_set(relabelled) == encoded_data_set(path)
        assert read_film(relabelled, "A").digest != read_film(path, "A").digest

    def test_the_sender_does_not_change_it(self, tmp_path: Path) -> None:
        """The same film may arrive from the modality and from the PACS."""
        path = write_film(make_film(), tmp_path / "1.dcm")
        assert read_film(path, "XRAY1").digest == read_film(path, "PACS").digest


class TestDeflated:
    def test_a_zip_bomb_is_refused(self, tmp_path: Path) -> None:
        """The file has half a megabyte, and would inflate to more than the memory holds."""
        deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        block = deflate.compress(bytes(16 * 1024**2)) + deflate.flush(zlib.Z_FULL_FLUSH)
        path = tmp_path / "bomb.dcm"
        path.write_bytes(preamble(b"1.2.840.10008.1.2.1.99") + block * 40 + deflate.flush())
        assert path.stat().st_size < 1024**2
        with pytest.raises(Permanent, match="too large once inflated"):
            read_film(path, "A")

    def test_reading_a_header_does_not_hold_the_pixels_in_memory(self, tmp_path: Path) -> None:
        """The film inflates to 256 MB, and ingest reads the headers of many films at once."""
        plain = encoded_data_set(write_film(make_film(), tmp_path / "film.dcm"))
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

    def test_a_truncated_data_set_is_refused(self, tmp_path: Path) -> None:
        """The missing part of a truncated data set may contain any attribute."""
        path = write_film(make_film(syntax=DeflatedExplicitVRLittleEndian), tmp_path / "film.dcm")
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(Permanent, match="the deflated data set is truncated"):
            read_film(path, "A")

    def test_a_data_set_that_is_not_deflated_is_refused(self, tmp_path: Path) -> None:
        """The sender negotiated a deflated transfer, but sent uncompressed bytes."""
        path = tmp_path / "plain.dcm"
        plain = encoded_data_set(write_film(make_film(), tmp_path / "film.dcm"))
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
        """The real chest films differ in compression, age and Body Part Examined."""
        actual = read_film(shared_data / "dicom" / "chest" / f"{name}.dcm", "A")
        assert (actual.body_part_examined, actual.view_position) == (part, view)
        assert (actual.age_years, (actual.rows, actual.columns)) == (age, matrix)

    @pytest.mark.parametrize("name", ["chrJapMulti", "chrKoreanMulti"])
    def test_names_in_other_scripts_cause_no_error(self, name: str, shared_data: Path) -> None:
        """Patient's Name of these files is in ISO 2022, and the name is not read."""
        path = shared_data / "dicom" / "headers" / f"{name}.dcm"
        actual = read_film(path, "A")
        assert actual.sop_instance_uid == str(dcmread(path).SOPInstanceUID)
        assert (actual.modality, actual.body_part_examined) == ("CR", "CHEST")

    def test_every_header_is_read(self, shared_data: Path) -> None:
        """CT images, mammograms and other objects all have different digests."""
        paths = sorted((shared_data / "dicom").glob("*/*.dcm"))
        films = [read_film(path, "A") for path in paths]
        assert [film.sop_class_uid for film in films] == [
            str(pydicom.dcmread(path, stop_before_pixels=True).SOPClassUID) for path in paths
        ]
        assert len({film.digest for film in films}) == len(paths)
