"""The simulated peers behave as other tests assume."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import psycopg
import pydicom
import pytest
import sqlalchemy as sa
from pydicom.uid import ComputedRadiographyImageStorage, generate_uid
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from tests.peers.dcmtk import dciodvfy, dcmsend, dsrdump, echoscu
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import wait_until
from tests.support.films import make_film, write_film

dcmtk = pytest.mark.tools("dcmsend", "echoscu", "dsrdump")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Write a small film; return its path."""
    return write_film(make_film(side=64, bits=16), tmp_path / "film.dcm")


@dcmtk
def test_orthanc_answers_echo(orthanc: Orthanc) -> None:
    """After `start`, the DICOM port answers, but only to the correct called AE title."""
    assert echoscu(orthanc.port, called_ae=orthanc.ae_title)
    assert not echoscu(orthanc.port, called_ae="SOMEBODY")


@dcmtk
def test_a_repeated_film_is_stored_once(orthanc: Orthanc, film: Path) -> None:
    """Queries by study and by class return one instance."""
    assert dcmsend(orthanc.port, film, called_ae=orthanc.ae_title).succeeded
    assert dcmsend(orthanc.port, film, called_ae=orthanc.ae_title).succeeded
    ds = pydicom.dcmread(film)
    [instance] = orthanc.wait_for(lambda value: len(value) == 1)
    assert instance.sop_instance_uid == ds.SOPInstanceUID
    assert orthanc.study_instances(ds.StudyInstanceUID) == [instance]
    assert orthanc.count(ComputedRadiographyImageStorage) == 1
    assert orthanc.tags(instance.id)["PatientName"] == "Doe^Jane"
    assert pydicom.dcmread(film).PixelData in orthanc.file(instance.id)


@dcmtk
@pytest.mark.parametrize("end", [Orthanc.stop, Orthanc.kill])
def test_ports_and_films_outlive_an_outage(
    orthanc: Orthanc, film: Path, end: Callable[[Orthanc], None]
) -> None:
    """A stopped PACS accepts nothing, and its objects still exist after a restart."""
    assert dcmsend(orthanc.port, film, called_ae=orthanc.ae_title).succeeded
    end(orthanc)
    assert dcmsend(orthanc.port, film, called_ae=orthanc.ae_title).sent == ()
    orthanc.start()
    assert orthanc.count() == 1
    assert echoscu(orthanc.port, called_ae=orthanc.ae_title)


@dcmtk
def test_each_file_is_sent_in_its_own_transfer_syntax(orthanc: Orthanc, shared_data: Path) -> None:
    """Films in JPEG 2000, JPEG-LS, JPEG and RLE are not decompressed."""
    names = ["chest/RG1_J2KR.dcm", "chest/RG1_JLSN.dcm", "chest/CR_siim_nih_PA_62M.dcm"]
    names += ["other/RG3_RLE.dcm", "other/RG3_JPLY.dcm"]
    files = [shared_data / "dicom" / name for name in names]
    transfer = dcmsend(orthanc.port, *files, called_ae=orthanc.ae_title)
    assert transfer.succeeded, transfer.log
    own = {path: pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in files}
    assert {
        transferred.path: transferred.transfer_syntax_uid for transferred in transfer.sent
    } == own


@dcmtk
def test_a_film_without_preamble_can_be_sent(orthanc: Orthanc, film: Path) -> None:
    """The files of old archives have no preamble."""
    bare = film.with_name("bare.dcm")
    bare.write_bytes(film.read_bytes()[132:])
    transfer = dcmsend(orthanc.port, bare, called_ae=orthanc.ae_title)
    assert transfer.succeeded, transfer.log
    assert orthanc.count() == 1


@dcmtk
def test_orthanc_reports_commitment_to_the_node(
    orthanc: Orthanc, film: Path, node_port: int
) -> None:
    """The PACS opens an association to the node's port for the commitment report."""
    assert dcmsend(orthanc.port, film, called_ae=orthanc.ae_title).succeeded
    reported: Future[pydicom.Dataset] = Future()
    ae = AE("OSTEOSCREEN")
    # Orthanc requests the SCP role in its association.
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    ae.add_requested_context(StorageCommitmentPushModel)

    def on_report(event: evt.Event) -> tuple[int, None]:
        reported.set_result(event.event_information)
        return 0x0000, None

    server = ae.start_server(
        ("127.0.0.1", node_port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, on_report)]
    )
    assert server
    try:
        transaction_uid = generate_uid()
        status = _request_commitment(ae, orthanc, pydicom.dcmread(film), transaction_uid)
        assert status == 0x0000
        report = reported.result(timeout=20)
    finally:
        server.shutdown()
    assert report.TransactionUID == transaction_uid
    assert len(report.ReferencedSOPSequence) == 1


def _request_commitment(ae: AE, orthanc: Orthanc, ds: pydicom.Dataset, transaction_uid: str) -> int:
    reference = pydicom.Dataset()
    reference.ReferencedSOPClassUID = ds.SOPClassUID
    reference.ReferencedSOPInstanceUID = ds.SOPInstanceUID
    request = pydicom.Dataset()
    request.TransactionUID = transaction_uid
    request.ReferencedSOPSequence = [reference]
    assoc = ae.associate("127.0.0.1", orthanc.port, ae_title=orthanc.ae_title)
    assert assoc.is_established
    answer, _ = assoc.send_n_action(
        request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    assoc.release()
    return int(answer.Status)


@pytest.mark.parametrize("_time", ["first", "second"])
def test_each_test_has_an_empty_database(database_url: str, _time: str) -> None:
    """Both runs of this test create the same table, so a shared database makes the second fail."""
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == []
        connection.execute(sa.text("CREATE TABLE film (id integer)"))
    engine.dispose()


def test_the_postgresql_server_is_real(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT version()").fetchone()
    assert row
    assert row[0].startswith("PostgreSQL")


@pytest.mark.tools("dciodvfy")
def test_dciodvfy_distinguishes_errors_from_warnings(film: Path, tmp_path: Path) -> None:
    """A film without dates has errors. A file that is not DICOM raises RuntimeError."""
    result = dciodvfy(film)
    assert result.iod == "CRImage"
    assert any("<StudyDate>" in error for error in result.errors)
    assert result.warnings
    nonsense = tmp_path / "nonsense.dcm"
    nonsense.write_text("no film")
    with pytest.raises(RuntimeError, match="could not read"):
        dciodvfy(nonsense)


@dcmtk
def test_dsrdump_refuses_a_film(film: Path) -> None:
    """The film gives an empty dump, which must not count as a valid report."""
    with pytest.raises(RuntimeError, match="dsrdump refused"):
        dsrdump(film)


def test_a_failed_wait_reports_the_last_state() -> None:
    with pytest.raises(AssertionError, match=r"no third film within 0.1 s; last state: 2"):
        wait_until(lambda: 2, lambda value: value == 3, timeout=0.1, goal="third film")
