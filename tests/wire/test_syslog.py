"""An audit trail is shipped by TLS to a real syslog server."""

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import trustme
from structlog.testing import capture_logs

from node.audit.backlog import Backlog
from node.audit.file_trail import FileTrail
from node.audit.message import AuditSource
from node.audit.shipper import Shipper
from node.audit.syslog_client import send
from node.config.peers import SyslogSection, TlsSection
from node.config.sections import AuditSection, SpoolSection
from node.config.settings import Config
from node.doctor.run_checks import examine
from node.domain.audit_events import FilmReceived, Instance, Peer
from node.domain.errors import Unreachable
from node.domain.health_check import HealthCheck
from node.security.tls import client_context
from tests.peers.audit import parse
from tests.peers.syslog import SyslogServer
from tests.peers.waiting import free_port

Write = Callable[..., None]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SyslogServer]:
    syslog_server = SyslogServer(tmp_path)
    syslog_server.start()
    yield syslog_server
    syslog_server.stop()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


@pytest.fixture
def write(file: Path) -> Write:
    """Return a function that records films by number."""
    origin = AuditSource("wire", "OSTEOSCREEN", "node7", "osteoscreen ingest", 1)
    trail = FileTrail(file, origin, lambda: datetime.now(UTC))

    def films(*numbers: int, calling_ae: str = "XRAY1") -> None:
        for number in numbers:
            film = Instance("1.2", f"1.{number}", "1")
            trail.record(FilmReceived(Peer(calling_ae, "::1"), film))

    return films


def sender_to(server: SyslogSection) -> Callable[[list[bytes]], None]:
    return partial(send, server=server, context=client_context(server.tls))


@pytest.fixture
def shipper(file: Path, server: SyslogServer) -> Shipper:
    return shipper_without_pauses(file, server.section)


def shipper_without_pauses(file: Path, server: SyslogSection) -> Shipper:
    """Return a shipper without pauses between attempts, as in a new process."""

    class EagerShipper(Shipper):
        def step(self) -> int:
            self._due = 0.0
            return super().step()

    return EagerShipper(Backlog(file), sender_to(server))


def numbers(server: SyslogServer) -> list[int]:
    return [int(parse(line).instances[0].removeprefix("1.")) for line in server.messages]


def test_the_server_receives_each_line_of_the_file(
    shipper: Shipper, server: SyslogServer, write: Write, file: Path
) -> None:
    """The length of a line is counted in bytes, because names may contain any script."""
    write(1, 2, calling_ae="骨密度")
    assert shipper.step() == 2
    assert server.messages == file.read_bytes().splitlines()
    assert shipper.step() == 0


def test_one_batch_uses_one_connection(
    shipper: Shipper, server: SyslogServer, write: Write
) -> None:
    write(*range(100))
    assert shipper.step() == 100
    assert server.connections == 1


def test_a_long_backlog_is_sent_in_several_batches(
    shipper: Shipper, server: SyslogServer, write: Write
) -> None:
    write(*range(600))
    while shipper.step():
        pass
    assert server.connections > 1
    assert numbers(server) == list(range(600))


def test_a_server_that_is_down_loses_nothing(
    shipper: Shipper, server: SyslogServer, write: Write
) -> None:
    write(1)
    assert shipper.step() == 1
    server.stop()
    write(2)
    with capture_logs() as events:
        assert shipper.step() == 0
        assert shipper.step() == 0
    assert {line["event"] for line in events} == {"audit_retry_scheduled"}
    assert "Connection refused" in events[0]["error"]
    write(3)
    server.start()
    assert shipper.step() == 2
    assert numbers(server) == [1, 2, 3]


def test_lines_are_sent_again_after_a_crash_of_the_server(
    shipper: Shipper, server: SyslogServer, write: Write
) -> None:
    """Lines in the network buffers may not have been read by the server."""
    server.resets = 1
    write(*range(50))
    with capture_logs() as events:
        assert shipper.step() == 0
    assert [line["event"] for line in events] == ["audit_retry_scheduled"]
    assert shipper.step() == 50
    assert numbers(server) == list(range(50))


def test_a_server_that_closes_without_close_notify_has_read_the_lines(
    shipper: Shipper, server: SyslogServer, write: Write
) -> None:
    """Some servers never answer close_notify. The node must not repeat the lines forever."""
    server.close_notify = False
    write(1)
    assert shipper.step() == 1
    assert shipper.step() == 0
    assert numbers(server) == [1]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_are_supported(
    shipper: Shipper, server: SyslogServer, write: Write, version: ssl.TLSVersion
) -> None:
    server._context.minimum_version = server._context.maximum_version = version
    write(1)
    assert shipper.step() == 1


def test_another_process_continues_at_the_same_place(
    shipper: Shipper, server: SyslogServer, write: Write, file: Path
) -> None:
    write(1)
    assert shipper.step() == 1
    write(2)
    assert shipper_without_pauses(file, server.section).step() == 1
    assert shipper.step() == 0
    assert numbers(server) == [1, 2]


def test_only_one_process_ships_at_a_time(
    shipper: Shipper, server: SyslogServer, write: Write, file: Path
) -> None:
    write(1)
    with Backlog(file).exclusive() as is_shipper:
        assert is_shipper
        assert shipper.step() == 0
    assert shipper.step() == 1


def test_attempts_pause_while_the_server_is_down(file: Path, write: Write) -> None:
    """The log has one event for twenty attempts."""
    unreachable = SyslogSection(host="127.0.0.1", port=free_port())
    shipper = Shipper(Backlog(file), sender_to(unreachable))
    write(1)
    with capture_logs() as events:
        for _ in range(20):
            assert shipper.step() == 0
    assert len(events) == 1
    assert 0.5 <= events[0]["pause"] <= 1.0


def test_an_untrusted_server_receives_nothing(
    server: SyslogServer, write: Write, file: Path, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    untrusted = server.section.model_copy(update={"tls": TlsSection(ca=stranger)})
    write(1)
    with pytest.raises(Unreachable, match="its certificate is not trusted"):
        sender_to(untrusted)([b"line"])
    assert shipper_without_pauses(file, untrusted).step() == 0
    assert shipper_without_pauses(file, server.section).step() == 1
    assert numbers(server) == [1]


def test_nothing_is_sent_unencrypted(server: SyslogServer) -> None:
    """A wrong port number must not cause an unencrypted transfer."""
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]
        unencrypted = server.section.model_copy(update={"port": port, "timeout": 0.3})
        with pytest.raises(Unreachable, match="timed out"):
            sender_to(unencrypted)([b"line"])


def test_a_missing_trail_is_not_an_error(shipper: Shipper, server: SyslogServer) -> None:
    assert shipper.step() == 0
    assert server.connections == 0


def test_an_error_on_storing_the_place_is_logged_and_retried(
    shipper: Shipper, server: SyslogServer, write: Write, file: Path
) -> None:
    """On a full disk, lines are sent twice rather than never."""
    write(1)
    (file.parent / ".audit.log.shipped").mkdir()
    with capture_logs() as events:
        assert shipper.step() == 0
    assert [line["event"] for line in events] == ["audit_retry_scheduled"]
    (file.parent / ".audit.log.shipped").rmdir()
    assert shipper.step() == 1
    assert numbers(server) == [1, 1]


def test_the_doctor_checks_the_server_and_the_backlog(
    server: SyslogServer, write: Write, file: Path
) -> None:
    write(1)
    config = Config(
        audit=AuditSection(file=file, syslog=server.section),
        spool=SpoolSection(path=file.parent),
    )
    check = by_name(config)["syslog server"]
    assert check.ok, check.detail
    assert f"{file.stat().st_size} bytes not shipped yet" in check.detail
    server.stop()
    check = by_name(config)["syslog server"]
    assert not check.ok
    assert "Connection refused" in check.detail


def test_the_doctor_checks_no_server_if_none_is_configured(file: Path) -> None:
    config = Config(audit=AuditSection(file=file), spool=SpoolSection(path=file.parent))
    assert "syslog server" not in by_name(config)


def by_name(config: Config) -> dict[str, HealthCheck]:
    return {check.name: check for check in examine(config)}
