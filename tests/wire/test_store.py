"""A C-STORE is answered after the film is durable."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pydicom
import pytest
import sqlalchemy as sa
from pydicom.dataset import FileDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from node.domain.workflow.job import JobState
from tests.peers.dcmtk import dcmsend, echoscu
from tests.peers.programs import run
from tests.peers.waiting import wait_until
from tests.support.films import encoded_data_set, make_film, write_film
from tests.wire.conftest import AE_TITLE, Node
from tests.wire.scu import announce, begin

VERIFICATION = "1.2.840.10008.1.1"


def data_of(ds: FileDataset, folder: Path) -> bytes:
    """Return a film's encoded data set."""
    return encoded_data_set(write_film(ds, folder / "data.dcm"))


def nothing_kept(node: Node) -> bool:
    return (node.jobs(), node.films(), node.incoming()) == ([], [], [])


class TestAcknowledged:
    def test_echo(self, node: Node) -> None:
        """A modality can verify the connection by C-ECHO."""
        with node.associated((VERIFICATION, ["1.2.840.10008.1.2"])) as assoc:
            assert assoc.send_c_echo().Status == 0x0000

    @pytest.mark.tools("echoscu")
    def test_echo_of_dcmtk(self, node: Node) -> None:
        """The called AE title is that of the node."""
        assert echoscu(node.port, called_ae=AE_TITLE)

    def test_the_row_is_durable_before_the_answer(self, node: Node) -> None:
        """A sender may delete its film after the status 0x0000."""
        ds = make_film()
        with node.associated() as assoc:
            assert assoc.send_c_store(ds).Status == 0x0000
            [job] = node.jobs()
            stored = node.spool.path(job.spool_key).stat()
        assert (job.state, job.film.sop_instance_uid) == (JobState.RECEIVED, ds.SOPInstanceUID)
        assert (job.film.calling_ae, job.attempt) == ("MODALITY", 0)
        assert stored.st_size == job.film.size
        assert node.incoming() == []

    def test_many_films_on_one_association(self, node: Node) -> None:
        """Each film on the association has its own job."""
        films = [make_film(side=256 + n) for n in range(5)]
        with node.associated() as assoc:
            assert [assoc.send_c_store(ds).Status for ds in films] == [0x0000] * 5
        assert [j.film.sop_instance_uid for j in node.jobs()] == [d.SOPInstanceUID for d in films]

    def test_the_same_film_twice_is_one_job(self, node: Node) -> None:
        """A sender that missed the answer sends its film again, and is answered 0x0000 again."""
        ds = make_film()
        assert [node.send(ds), node.send(ds)] == [0x0000, 0x0000]
        assert len(node.jobs()) == len(node.films()) == 1
        assert node.incoming() == []

    @pytest.mark.tools("dcmsend")
    def test_the_same_film_from_three_programs_is_one_job(self, node: Node, tmp_path: Path) -> None:
        """The different file meta information of the three programs does not matter."""
        path = write_film(make_film(), tmp_path / "film.dcm")
        assert dcmsend(node.port, path, called_ae=AE_TITLE).succeeded
        storescu = run("storescu", "-aec", AE_TITLE, "127.0.0.1", str(node.port), path)
        assert storescu.returncode == 0
        assert node.send(pydicom.dcmread(path)) == 0x0000
        assert len(node.jobs()) == 1

    def test_other_bytes_under_the_same_uid_are_another_job(self, node: Node) -> None:
        """A corrected film is scored again, and the first job remains."""
        ds = make_film()
        assert node.send(ds) == 0x0000
        ds.PatientAge = "068Y"
        assert node.send(ds) == 0x0000
        first, second = node.jobs()
        assert first.film.sop_instance_uid == second.film.sop_instance_uid
        assert [first.film.age_years, second.film.age_years] == [67.0, 68.0]
        assert len(node.films()) == 2

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"BodyPartExamined": "HIP"}, "body-part"),
            ({"ViewPosition": "LL"}, "view"),
            ({"PatientAge": "031Y"}, "age"),
            ({"Modality": "OT"}, "modality"),
        ],
    )
    def test_a_film_that_the_policy_refuses_is_kept_with_its_reason(
        self, node: Node, values: dict[str, str], reason: str
    ) -> None:
        """After a failure status, the sender would send the refused film again and again."""
        assert node.send(make_film(**values)) == 0x0000
        [job] = node.jobs()
        assert (job.state, job.reason) == (JobState.REJECTED, reason)
        assert job.error
        assert node.spool.path(job.spool_key).exists()


class TestRefused:
    def test_another_class_than_announced(self, node: Node, tmp_path: Path) -> None:
        """The answer is 0xA900: the data set does not match the SOP Class of the request."""
        ds = make_film(SecondaryCaptureImageStorage)
        with node.associated() as assoc:
            status = announce(
                assoc,
                ComputedRadiographyImageStorage,
                ds.SOPInstanceUID,
                data_of(ds, tmp_path),
            )
        assert status.Status == 0xA900
        assert nothing_kept(node)

    def test_another_instance_than_announced(self, node: Node, tmp_path: Path) -> None:
        """The answer is 0xA900: a report would name an instance that the sender does not know."""
        ds = make_film()
        with node.associated() as assoc:
            status = announce(assoc, ds.SOPClassUID, generate_uid(None), data_of(ds, tmp_path))
        assert status.Status == 0xA900
        assert nothing_kept(node)

    @pytest.mark.parametrize("data", [None, b"\0\0", b"no data set at all", b"\xff" * 200_000])
    def test_an_unreadable_data_set(self, node: Node, data: bytes | None) -> None:
        """The answer is 0xC210 with a comment, and the association continues."""
        ds = make_film()
        with node.associated() as assoc:
            status = announce(assoc, ds.SOPClassUID, ds.SOPInstanceUID, data)
            assert status.Status == 0xC210
            assert 0 < len(status.ErrorComment) <= 64
            assert nothing_kept(node)
            assert assoc.send_c_store(ds).Status == 0x0000

    def test_plain_bytes_as_deflated(self, node: Node, tmp_path: Path) -> None:
        """Data that are announced as deflated but are not deflated are refused."""
        ds = make_film()
        contexts = (str(ds.SOPClassUID), [str(DeflatedExplicitVRLittleEndian)])
        with node.associated(contexts) as assoc:
            status = announce(assoc, ds.SOPClassUID, ds.SOPInstanceUID, data_of(ds, tmp_path))
        assert status.Status == 0xC210
        assert nothing_kept(node)

    def test_a_missing_uid_is_named(self, node: Node, tmp_path: Path) -> None:
        """A service engineer of the modality can read the comment."""
        ds = make_film(StudyInstanceUID=None)
        with node.associated() as assoc:
            status = announce(assoc, ds.SOPClassUID, ds.SOPInstanceUID, data_of(ds, tmp_path))
        assert (status.Status, status.ErrorComment) == (
            0xC210,
            "StudyInstanceUID is absent or not a UID",
        )


class TestTransientErrors:
    def test_a_full_disk(self, open_node: Callable[..., Node]) -> None:
        """The answer is 0xA700 below the disk reserve, and the sender keeps its film."""
        node = open_node(min_free=2**60)
        assert node.send(make_film()) == 0xA700
        assert nothing_kept(node)

    def test_a_locked_database(self, node: Node) -> None:
        """The answer is 0xA700 after a timeout, and later the same film is accepted."""
        sa.event.listen(node.engine, "connect", impatient)
        node.engine.dispose()
        ds = make_film()
        blocker = sqlite3.connect(node.folder / "jobs.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        assert node.send(ds) == 0xA700
        blocker.execute("ROLLBACK")
        blocker.close()
        assert node.jobs() == []
        assert node.send(ds) == 0x0000
        assert len(node.jobs()) == 1

    def test_a_missing_database(self, node: Node) -> None:
        """The answer is 0xA700 if a folder is in place of the database file."""
        node.engine.dispose()
        for path in node.folder.glob("jobs.db*"):
            path.unlink()
        (node.folder / "jobs.db").mkdir()
        assert node.send(make_film()) == 0xA700

    def test_a_database_without_tables(self, node: Node) -> None:
        """The answer is 0xA700 instead of 0xC210, because the film is valid."""
        with node.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE job RENAME TO elsewhere"))
        ds = make_film()
        assert node.send(ds) == 0xA700
        with node.engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO job"))
        assert node.jobs() == []
        assert node.send(ds) == 0x0000

    def test_a_missing_spool(self, node: Node) -> None:
        """The answer is 0xA700, because an unmounted share is not the sender's fault."""
        (node.folder / "spool" / "films").write_text("in the way")
        assert node.send(make_film()) == 0xA700
        assert node.jobs() == []

    def test_an_unexpected_error(
        self, open_node: Callable[..., Node], capfd: pytest.CaptureFixture[str]
    ) -> None:
        """The answer is a processing failure without the error's text, which may quote data."""

        def broken_clock() -> datetime:
            raise ArithmeticError("Doe^Jane")

        node = open_node(clock=broken_clock)
        assert node.send(make_film()) == 0x0110
        assert node.jobs() == []
        output = "".join(capfd.readouterr())
        assert "Doe^Jane" not in output
        assert "ArithmeticError" in output


class TestInterrupted:
    def test_a_too_large_film_is_aborted_during_its_transfer(
        self, open_node: Callable[..., Node]
    ) -> None:
        """A film that is too large must not fill the disk."""
        node = open_node(settings={"max_object": 300_000})
        with node.associated() as assoc:
            assert "Status" not in assoc.send_c_store(make_film(side=1500))
            wait_until(lambda: assoc.is_aborted, goal="abort")
        wait_until(lambda: nothing_kept(node), goal="empty spool")
        assert node.send(make_film()) == 0x0000

    def test_a_sender_that_aborts_leaves_nothing(self, node: Node) -> None:
        """The incomplete film is deleted."""
        with node.associated() as assoc:
            begin(assoc, make_film(side=512))
            wait_until(node.incoming, goal="transfer under way")
            assoc.abort()
        wait_until(lambda: nothing_kept(node), goal="empty spool")

    def test_a_sender_that_vanishes_leaves_nothing(self, node: Node) -> None:
        """The connection of the sender ends without an abort."""
        with node.associated() as assoc:
            begin(assoc, make_film(side=512))
            wait_until(node.incoming, goal="transfer under way")
            assoc.dul.socket.close()
        wait_until(lambda: nothing_kept(node), goal="empty spool")
        assert node.send(make_film()) == 0x0000


def impatient(connection: sqlite3.Connection, _record: object) -> None:
    """Set a short timeout for database locks."""
    connection.execute("PRAGMA busy_timeout=100")
