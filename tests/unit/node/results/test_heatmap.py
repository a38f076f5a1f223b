"""The heatmap is a DICOM object that cannot be mistaken for the film."""

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
from tests.support.result_contexts import GOOD, film_of, make_context, make_prediction, make_verdict


def built(**changes: str) -> pydicom.Dataset:
    """Return a film's heatmap, decoded from its bytes; `changes` are attributes of the film."""
    heatmap = build_heatmap(make_context(GOOD | changes), make_prediction())
    return pydicom.dcmread(BytesIO(to_bytes(heatmap)))


def test_it_is_a_derived_image_with_modality_ot() -> None:
    ds = built()
    assert ds.Modality == "OT"
    assert list(ds.ImageType) == ["DERIVED", "SECONDARY"]
    assert (ds.ConversionType, ds.BodyPartExamined) == ("SYN", "CHEST")
    assert ds.BurnedInAnnotation == "YES"
    (source,) = ds.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == "1.2.826.0.1.3680043.8.498.1"
    assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"


def test_it_states_no_spacing_view_or_frame_of_reference() -> None:
    """The legend changes the geometry of the image, so the spacing of the film is omitted."""
    ds = built(PixelSpacing="0.15\\0.15", ViewPosition="PA", FrameOfReferenceUID="1.2.3")
    geometry = {"PixelSpacing", "ImagerPixelSpacing", "ViewPosition", "FrameOfReferenceUID"}
    assert not geometry & set(ds.dir())
    assert list(ds.PatientOrientation) == ["L", "F"]
    assert not built(PatientOrientation="").PatientOrientation


def test_it_is_a_new_series_in_the_study_of_the_film() -> None:
    ds = built()
    assert ds.StudyInstanceUID == "1.2.826.0.1.3680043.8.498.2"
    assert ds.SeriesInstanceUID != "1.2.826.0.1.3680043.8.498.3"
    assert ds.SeriesNumber == 9902


def test_the_node_refuses_its_own_heatmap() -> None:
    """A PACS that routes all objects to the node would otherwise cause a loop."""
    ds = built()
    assert ds.Manufacturer == header_rules.OWN_MANUFACTURER
    film = replace(film_of(ds), image_type=tuple(ds.ImageType), manufacturer=str(ds.Manufacturer))
    decision = header_rules.admit(film, make_admission_policy(modalities=("OT",)))
    assert isinstance(decision, header_rules.Refused)
    assert decision.reason is header_rules.Reason.OWN_RESULT


OWN_ATTRIBUTES = (
    "Manufacturer",
    "ManufacturerModelName",
    "SeriesDescription",
    "ContributingEquipmentSequence",
)


@pytest.mark.parametrize("unchanged", OWN_ATTRIBUTES)
def test_the_node_recognises_its_heatmap_by_one_attribute(unchanged: str, tmp_path: Path) -> None:
    """An archive may have changed the other attributes of the heatmap."""
    ds = built()
    for keyword in OWN_ATTRIBUTES:
        if keyword != unchanged:
            setattr(ds, keyword, [] if keyword.endswith("Sequence") else "Archive")
    path = tmp_path / "heatmap.dcm"
    path.write_bytes(to_bytes(ds))
    decision = header_rules.admit(read_film(path, "PACS"), make_admission_policy())
    assert isinstance(decision, header_rules.Refused)
    assert decision.reason is header_rules.Reason.OWN_RESULT


def test_the_pixel_data_are_the_picture_in_rgb() -> None:
    ds = built()
    pixels = ds.pixel_array
    assert pixels.shape == (ds.Rows, ds.Columns, 3)
    dark, bright = pixels[5, 100], pixels[5, ds.Columns - 100]  # the film is centred
    assert len({*dark.tolist()}) == len({*bright.tolist()}) == 1
    assert int(bright[0]) - int(dark[0]) > 150


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
def test_it_states_the_lossy_compression_of_the_film(
    syntax: str, header: dict[str, str], expected: tuple[str | None, str | None, float | None]
) -> None:
    context = make_context(GOOD | header)
    context = replace(context, film=replace(context.film, transfer_syntax_uid=syntax))
    ds = build_heatmap(context, make_prediction())
    assert (
        ds.get("LossyImageCompression"),
        ds.get("LossyImageCompressionMethod"),
        ds.get("LossyImageCompressionRatio"),
    ) == expected


def test_a_film_without_a_score_has_no_heatmap() -> None:
    with pytest.raises(ValueError, match="has no heatmap"):
        build_heatmap(make_context(verdict=make_verdict(Finding.UNDETERMINED)), make_prediction())


def test_the_file_meta_information_names_the_implementation() -> None:
    ds = built()
    assert ds.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert len(ds.file_meta.ImplementationVersionName) <= 16
