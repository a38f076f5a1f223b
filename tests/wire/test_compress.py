"""Heatmaps are sent in JPEG 2000 to destinations that request and accept it."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)
from pynetdicom import evt

from node.pacs.association import open_archive
from node.results.encode import to_bytes
from node.results.heatmap import build_heatmap
from tests.support.result_contexts import make_context, make_prediction
from tests.support.validators import remarks_on
from tests.wire.conftest import StartPacs

PLAIN = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
BOTH = (str(JPEG2000Lossless), *PLAIN)


@pytest.fixture
def heatmap(tmp_path: Path) -> Path:
    """Return a real heatmap with the bytes that the spool stores."""
    scored = make_context()
    path = tmp_path / "heatmap.dcm"
    path.write_bytes(to_bytes(build_heatmap(scored, make_prediction(scored.size))))
    return path


def send(pacs: StartPacs, path: Path, compress: str, *syntaxes: str) -> Dataset:
    """Send a heatmap to a PACS that accepts these transfer syntaxes; return the received object."""
    received: list[Dataset] = []

    def on_store(event: evt.Event) -> int:
        ds = event.dataset
        ds.file_meta = event.file_meta
        received.append(ds)
        return 0x0000

    destination = pacs([(evt.EVT_C_STORE, on_store)], syntaxes=syntaxes)
    with open_archive(
        destination.model_copy(update={"compress": compress}), "OSTEOSCREEN"
    ) as archive:
        archive.store(path)
    (only,) = received
    return only


@pytest.mark.tools("dciodvfy")
def test_a_compressed_heatmap_has_the_same_pixels(
    pacs: StartPacs, heatmap: Path, tmp_path: Path
) -> None:
    """The compressed heatmap keeps its UID, is valid, and does not declare lossy compression."""
    small, original = send(pacs, heatmap, "jpeg2000", *BOTH), dcmread(heatmap)
    assert small.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert small.SOPInstanceUID == original.SOPInstanceUID
    assert np.array_equal(small.pixel_array, original.pixel_array)
    assert len(small.PixelData) < len(original.PixelData) / 4
    assert "LossyImageCompression" not in small
    path = tmp_path / "received.dcm"
    small.save_as(path, enforce_file_format=True)
    assert remarks_on(path) == []


@pytest.mark.parametrize(
    ("compress", "syntaxes"), [("jpeg2000", PLAIN), ("none", BOTH)], ids=["not-taken", "not-wanted"]
)
def test_other_destinations_receive_it_uncompressed(
    pacs: StartPacs, heatmap: Path, compress: str, syntaxes: tuple[str, ...]
) -> None:
    plain, original = send(pacs, heatmap, compress, *syntaxes), dcmread(heatmap)
    assert plain.file_meta.TransferSyntaxUID in PLAIN
    assert plain.PixelData == original.PixelData
    assert plain.PhotometricInterpretation == "RGB"


def test_another_decoder_gives_the_same_pixels(
    pacs: StartPacs, heatmap: Path, tmp_path: Path
) -> None:
    """Many viewers decode JPEG 2000 with GDCM."""
    small = send(pacs, heatmap, "jpeg2000", *BOTH)
    path = tmp_path / "received.dcm"
    small.save_as(path, enforce_file_format=True)
    again = dcmread(path)
    again.decompress(decoding_plugin="gdcm")
    assert np.array_equal(again.pixel_array, dcmread(heatmap).pixel_array)
