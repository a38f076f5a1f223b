"""The heatmap as a DICOM object: what keeps it from being taken for the film."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from node.domain.admission import header_rules
from node.domain.decision.prediction import Finding
from node.header.read import read_film
from node.results.encode import to_bytes
from node.results.heatmap import build_heatmap
from node.results.uids import IMPLEMENTATION_CLASS_UID
from tests.support.policies import make_admission_policy
from tests.support.result_subjects import GOOD, film_of, prediction, subject, verdict


def built(**changes: str) -> pydicom.Dataset:
    """Return a heatmap as a PACS reads it, of a film whose good header is changed."""
    heatmap = build_heatmap(subject(GOOD | changes), prediction())
    return pydicom.dcmread(BytesIO(to_bytes(heatmap)))


def test_it_is_derived_and_of_another_modality() -> None:
    """Modality OT keeps it off the film's place in a hanging protocol."""
    ds = built()
    assert ds.Modality == "OT"
    assert list(ds.ImageType) == ["DERIVED", "SECONDARY"]
    assert (ds.ConversionType, ds.BodyPartExamined) == ("SYN", "CHEST")
    assert ds.BurnedInAnnotation == "YES"
    (source,) = ds.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == "1.2.826.0.1.3680043.8.498.1"
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"


def test_it_claims_no_geometry() -> None:
    """The band makes it another image than the film: no spacing, view or frame of reference."""
    ds = built(PixelSpacing="0.15\\0.15", ViewPosition="PA", FrameOfReferenceUID="1.2.3")
    claims = {"PixelSpacing", "ImagerPixelSpacing", "ViewPosition", "FrameOfReferenceUID"}
    assert not claims & set(ds.dir())
    assert list(ds.PatientOrientation) == ["L", "F"]
    assert not built(PatientOrientation="").PatientOrientation


def test_it_is_a_series_of_its_own_in_the_films_study() -> None:
    """A high series number sorts it behind the films."""
    ds = built()
    assert ds.StudyInstanceUID == "1.2.826.0.1.3680043.8.498.2"
    assert ds.SeriesInstanceUID != "1.2.826.0.1.3680043.8.498.3"
    assert ds.SeriesNumber == 9902


def test_the_node_will_not_score_its_own_heatmap() -> None:
    """A PACS that routes every new object back to the node must not start a loop."""
    ds = built()
    assert ds.Manufacturer == header_rules.OWN_MANUFACTURER
    film = replace(film_of(ds), image_type=tuple(ds.ImageType), manufacturer=str(ds.Manufacturer))
    decision = header_rules.admit(film, make_admission_policy(modalities=("OT",)))
    assert isinstance(decision, header_rules.Refused)
    assert decision.reason is header_rules.Reason.OWN_RESULT


MARKS = (
    "Manufacturer",
    "ManufacturerModelName",
    "SeriesDescription",
    "ContributingEquipmentSequence",
)


@pytest.mark.parametrize("left", MARKS)
def test_nor_where_an_archive_has_rewritten_it(left: str, tmp_path: Path) -> None:
    """One mark of ours is enough, whatever the archive has put in place of the others."""
    ds = built()
    for keyword in MARKS:
        if keyword != left:
            setattr(ds, keyword, [] if keyword.endswith("Sequence") else "Archive")
    path = tmp_path / "heatmap.dcm"
    path.write_bytes(to_bytes(ds))
    decision = header_rules.admit(read_film(path, "PACS"), make_admission_policy())
    assert isinstance(decision, header_rules.Refused)
    assert decision.reason is header_rules.Reason.OWN_RESULT


def test_the_pixels_are_the_picture() -> None:
    """RGB, eight bits, colour by pixel, as the film is displayed."""
    ds = built()
    pixels = ds.pixel_array
    assert pixels.shape == (ds.Rows, ds.Columns, 3)
    left, right = pixels[5, 100], pixels[5, ds.Columns - 100]  # the film is centred
    assert len({*left.tolist()}) == len({*right.tolist()}) == 1
    assert int(right[0]) - int(left[0]) > 150


@pytest.mark.parametrize(
    ("syntax", "header", "expected"),
    [
        ("1.2.840.10008.1.2.1", {}, (None, None, None)),
        ("1.2.840.10008.1.2.4.50", {}, ("01", "ISO_10918_1", 1.0)),
        ("1.2.840.10008.1.2.4.81", {"LossyImageCompressionRatio": "2"}, ("01", "ISO_14495_1", 2.0)),
        ("1.2.840.10008.1.2.4.91", {"LossyImageCompression": "00"}, (None, None, None)),
        ("1.2.840.10008.1.2.4.90", {"LossyImageCompression": "00"}, (None, None, None)),
        (
            "1.2.840.10008.1.2.1",
            {
                "LossyImageCompression": "01",
                "LossyImageCompressionMethod": "ISO_10918_1",
                "LossyImageCompressionRatio": "12.5",
            },
            ("01", "ISO_10918_1", 12.5),
        ),
    ],
)
def test_a_lossy_past_is_never_forgotten(
    syntax: str, header: dict[str, str], expected: tuple[str | None, str | None, float | None]
) -> None:
    """Once compressed with loss, always said to be, with ratio and method."""
    scored = subject(GOOD | header)
    scored = replace(scored, film=replace(scored.film, transfer_syntax_uid=syntax))
    ds = build_heatmap(scored, prediction())
    assert (
        ds.get("LossyImageCompression"),
        ds.get("LossyImageCompressionMethod"),
        ds.get("LossyImageCompressionRatio"),
    ) == expected


def test_a_film_without_a_score_has_no_heatmap() -> None:
    """There is nothing to explain."""
    with pytest.raises(ValueError, match="has no heatmap"):
        build_heatmap(subject(made=verdict(Finding.UNDETERMINED)), prediction())


def test_the_file_says_who_wrote_it() -> None:
    """Implementation Class UID and Explicit VR Little Endian in the file meta information."""
    ds = built()
    assert ds.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert len(ds.file_meta.ImplementationVersionName) <= 16
