"""A hospital that writes Chinese: names in a set that the film does not state, reports to match."""

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

pytestmark = pytest.mark.tools("dcmsend", "dsrdump", "Orthanc", "wqy-microhei.ttc")

NAME = "王^小东"
HERE = [
    {"ae_title": "XRAY1", "network": "127.0.0.1", "assume_charset": "GB18030"},
    {"ae_title": "*", "network": "127.0.0.1"},
]


def lying(film: Path, folder: Path) -> Path:
    """Return a film that states Latin-1 and writes its patient's name in GB18030."""
    ds = dcmread(film)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = NAME.encode("gb18030").decode("latin-1")
    path = folder / "lying.dcm"
    ds.save_as(path)
    return path


def test_a_chinese_hospital_gets_its_patients_name_and_its_own_language(
    make_node: Callable[..., Node],
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    tmp_path: Path,
) -> None:
    """What its administrator says of the sender goes before what the film says."""
    node = make_node(
        dicom={"callers": HERE}, results={"language": "zh"}, destinations=[destination]
    )
    node.serve()
    sent = lying(film, tmp_path)
    assert dcmsend(node.port, sent, called_ae=AE_TITLE, calling_ae="XRAY1").succeeded
    node.wait_all(1)
    objects = {one.sop_class_uid: one for one in orthanc.instances()}
    assert len(objects) == 2
    for one in objects.values():
        stored = dcmread(BytesIO(orthanc.file(one.id)))
        assert str(stored.PatientName) == NAME
        assert stored.SpecificCharacterSet == "ISO_IR 192"
    report = tmp_path / "report.dcm"
    report.write_bytes(orthanc.file(objects[Comprehensive3DSRStorage].id))
    text = dsrdump(report)
    assert "所见的确信度" in text
    assert "仅供研究使用，不得用于诊断" in text
