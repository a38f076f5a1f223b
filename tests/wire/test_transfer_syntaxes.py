"""The node accepts every listed SOP Class and transfer syntax."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import FileDataset

from node.domain.sop_class import RADIOGRAPH_CLASSES
from node.domain.workflow.job import JobState
from node.ingest.scp import TRANSFER_SYNTAXES
from tests.peers.dcmtk import dcmsend
from tests.peers.programs import run
from tests.support.films import encoded_data_set, make_film, write_film
from tests.wire.conftest import AE_TITLE, Node

REAL = [
    ("chest/CR_siim_nih_PA_62M", uid.JPEGBaseline8Bit, JobState.RECEIVED),
    ("chest/RG1_JLSN", uid.JPEGLSNearLossless, JobState.RECEIVED),
    ("chest/RG1_J2KR", uid.JPEG2000Lossless, JobState.RECEIVED),
    ("chest/udacity_test4", uid.ExplicitVRLittleEndian, JobState.RECEIVED),
    ("other/RG2_JPLL", uid.JPEGLosslessSV1, JobState.REJECTED),
    ("other/RG3_JPLY", uid.JPEGExtended12Bit, JobState.REJECTED),
    ("other/RG3_JLSL", uid.JPEGLSLossless, JobState.REJECTED),
    ("other/RG3_RLE", uid.RLELossless, JobState.REJECTED),
]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Return one node for all tests, each of which sends another film."""
    node = Node(tmp_path_factory.mktemp("node"))
    node.start()
    yield node
    node.server.stop()
    node.engine.dispose()


@pytest.fixture(scope="module")
def film_of() -> dict[str, FileDataset]:
    """Return a film for each transfer syntax."""
    return {syntax: make_film(syntax=syntax) for syntax in TRANSFER_SYNTAXES}


def sent_and_kept(node: Node, path: Path, ds: FileDataset) -> None:
    """Check that the spool contains the unchanged data set, and the job states its digest."""
    syntax = str(ds.file_meta.TransferSyntaxUID)
    data = encoded_data_set(path)
    digest = hashlib.sha256(syntax.encode() + data).hexdigest()
    [job] = [j for j in node.jobs() if j.film.sop_instance_uid == ds.SOPInstanceUID]
    assert (job.film.digest, job.film.transfer_syntax_uid) == (digest, syntax)
    stored = node.spool.path(job.spool_key)
    assert encoded_data_set(stored) == data
    assert pydicom.dcmread(stored).file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize("sop_class", RADIOGRAPH_CLASSES)
@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES, ids=lambda syntax: uid.UID(syntax).keyword)
def test_every_class_is_received_in_every_syntax(
    node: Node,
    film_of: dict[str, FileDataset],
    sop_class: str,
    syntax: str,
    tmp_path: Path,
) -> None:
    """The answer is 0x0000, and the stored data set is the one that was sent."""
    ds = film_of[syntax]
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = uid.UID(sop_class)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid.generate_uid(None)
    with node.associated((sop_class, [syntax])) as assoc:
        assert [cx.transfer_syntax for cx in assoc.accepted_contexts] == [[syntax]]
        assert assoc.send_c_store(ds).Status == 0x0000
    sent_and_kept(node, write_film(ds, tmp_path / "film.dcm"), ds)


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.999"], ids=["MPEG2", "unknown"]
)
def test_other_syntaxes_are_refused(node: Node, syntax: str) -> None:
    """A film that cannot be decoded is refused before its transfer."""
    with node.associated((RADIOGRAPH_CLASSES[0], [syntax])) as assoc:
        assert not assoc.is_established


@pytest.mark.parametrize(
    "sop_class", ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.34"], ids=["CT", "SR"]
)
def test_other_classes_are_refused(node: Node, sop_class: str) -> None:
    """Slices and reports are not films, so their classes are refused."""
    contexts = [
        (sop_class, [uid.ExplicitVRLittleEndian]),
        (RADIOGRAPH_CLASSES[0], TRANSFER_SYNTAXES[:1]),
    ]
    with node.associated(*contexts) as assoc:
        assert [cx.abstract_syntax for cx in assoc.accepted_contexts] == [RADIOGRAPH_CLASSES[0]]


@pytest.mark.tools("dcmsend")
@pytest.mark.parametrize(
    ("option", "syntax"),
    [
        ("+eb", uid.JPEGBaseline8Bit),
        ("+ee", uid.JPEGExtended12Bit),
        ("+el", uid.JPEGLossless),
        ("+e1", uid.JPEGLosslessSV1),
    ],
)
def test_jpeg_files_of_dcmtk(node: Node, option: str, syntax: str, tmp_path: Path) -> None:
    """DCMTK encodes and sends the four JPEG processes."""
    ds = make_film()
    plain, packed = write_film(ds, tmp_path / "plain.dcm"), tmp_path / "packed.dcm"
    assert run("dcmcjpeg", option, "+ua", plain, packed).returncode == 0
    transfer = dcmsend(node.port, packed, called_ae=AE_TITLE)
    assert [
        (transferred.status, transferred.transfer_syntax_uid) for transferred in transfer.sent
    ] == [(0, syntax)]
    sent_and_kept(node, packed, pydicom.dcmread(packed))


@pytest.mark.shared_data
@pytest.mark.tools("dcmsend")
@pytest.mark.parametrize(("name", "syntax", "state"), REAL, ids=[name for name, *_ in REAL])
def test_real_films(
    node: Node, name: str, syntax: str, state: JobState, shared_data: Path, tmp_path: Path
) -> None:
    """Real films are received; the policy rejects hips and legs.

    dcmsend sends uncompressed files in Explicit VR, even if the file is in Implicit VR.
    """
    path = shared_data / "dicom" / f"{name}.dcm"
    ds = pydicom.dcmread(path)
    transfer = dcmsend(node.port, path, called_ae=AE_TITLE)
    assert [
        (transferred.status, transferred.transfer_syntax_uid) for transferred in transfer.sent
    ] == [(0, syntax)]
    [job] = [j for j in node.jobs() if j.film.sop_instance_uid == ds.SOPInstanceUID]
    assert job.state is state
    stored = pydicom.dcmread(node.spool.path(job.spool_key))
    assert stored.PixelData == ds.PixelData
