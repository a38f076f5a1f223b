"""Results are in Chinese, and the film misstates the character set of the patient's name."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import Comprehensive3DSRStorage

from tests.peers.dcmtk import dcmsend, dsrdump
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.support.films import write_film

pytestmark = pytest.mark.tools("dcmsend", "dsrdump", "Orthanc", "wqy-microhei.ttc")

NAME = "王^小东"
CALLERS = [
    {"ae_title": "XRAY1", "network": "127.0.0.1", "assume_charset": "GB18030"},
    {"ae_title": "*", "network": "127.0.0.1"},
]


def with_wrong_charset(film: Path, folder: Path) -> Path:
    """Write a film that states Latin-1 but has its patient name in GB18030."""
    ds = dcmread(film)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = NAME.encode("gb18030").decode("latin-1")
    return write_film(ds, folder / "gb18030.dcm")


def test_results_have_the_correct_name_and_the_configured_language(
    make_node: Callable[..., Node],
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    tmp_path: Path,
) -> None:
    """`assume_charset` of the sender has priority over the character set that the film states."""
    node = make_node(
        dicom={"callers": CALLERS}, results={"language": "zh"}, destinations=[destination]
    )
    node.serve()
    film = with_wrong_charset(film, tmp_path)
    assert dcmsend(node.port, film, called_ae=AE_TITLE, calling_ae="XRAY1").succeeded
    node.wait_all(1)
    objects = {instance.sop_class_uid: instance for instance in orthanc.instances()}
    assert len(objects) == 2
    for instance in objects.values():
        stored = dcmread(BytesIO(orthanc.file(instance.id)))
        assert str(stored.PatientName) == NAME
        assert stored.SpecificCharacterSet == "ISO_IR 192"
    report = tmp_path / "report.dcm"
    report.write_bytes(orthanc.file(objects[Comprehensive3DSRStorage].id))
    text = dsrdump(report)
    assert "所见的确信度" in text
    assert "仅供研究使用，不得用于诊断" in text
