"""A destination with TLS is trusted or refused, and error messages name the cause."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from pydicom.uid import SecondaryCaptureImageStorage
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from node.config.peers import Destination, TlsSection
from node.config.settings import Config
from node.doctor.run_checks import examine
from node.domain.errors import Misconfigured, Unreachable
from node.pacs.association import open_archive
from node.security.tls import client_context, valid_until
from tests.peers.waiting import free_port
from tests.support.films import make_film, write_film
from tests.wire.conftest import answering, make_destination


class Authority:
    """A hospital's CA, with its certificates as files."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.root = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.root))

    def issue(self, *names: str, until: datetime | None = None) -> Path:
        """Return a file with a certificate for these host names and its private key."""
        issued = self._ca.issue_cert(*names, not_after=until)
        path = self._folder / f"{names[0]}-{until}.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(str(path))
        return path


class TlsPacs:
    """A PACS with TLS that counts its stored objects."""

    def __init__(self, certificate: Path, clients: Path | None) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        ae = AE("PACS")
        ae.add_supported_context(Verification)
        ae.add_supported_context(SecondaryCaptureImageStorage)
        self.port = free_port()
        self.stored = 0
        self.server = ae.start_server(
            ("127.0.0.1", self.port),
            block=False,
            ssl_context=context,
            evt_handlers=[(evt.EVT_C_STORE, self._store)],
        )

    def _store(self, event: evt.Event) -> int:
        self.stored += isinstance(event.assoc.dul.socket.socket, ssl.SSLSocket)
        return 0x0000

    def destination(self, tls: TlsSection | None) -> Destination:
        return make_destination(self.port, tls=tls)


@pytest.fixture
def hospital(tmp_path: Path) -> Authority:
    """Return the CA that the node trusts."""
    return Authority(tmp_path)


@pytest.fixture
def start_tls() -> Iterator[type[TlsPacs]]:
    """Return a class of PACS with TLS, whose instances stop at the end of the test."""
    started: list[TlsPacs] = []

    class Started(TlsPacs):
        def __init__(self, certificate: Path, clients: Path | None = None) -> None:
            super().__init__(certificate, clients)
            started.append(self)

    yield Started
    for pacs in started:
        pacs.server.shutdown()


StartTls = type[TlsPacs]


def test_results_are_stored_by_tls_with_mutual_authentication(
    hospital: Authority, start_tls: StartTls, tmp_path: Path
) -> None:
    pacs = start_tls(hospital.issue("127.0.0.1"), hospital.root)
    tls = TlsSection(ca=hospital.root, certificate=hospital.issue("node.example"))
    heatmap = write_film(make_film(SecondaryCaptureImageStorage), tmp_path / "heatmap.dcm")
    with open_archive(pacs.destination(tls), "OSTEOSCREEN") as archive:
        archive.echo()
        archive.store(heatmap)
    assert pacs.stored == 1


def test_a_peer_of_another_authority_is_not_trusted(
    hospital: Authority, start_tls: StartTls, tmp_path: Path
) -> None:
    """An impostor at the address of the PACS receives no results."""
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other")
    destination = start_tls(stranger.issue("127.0.0.1")).destination(TlsSection(ca=hospital.root))
    with (
        pytest.raises(Unreachable, match="its certificate is not trusted"),
        open_archive(destination, "OSTEOSCREEN"),
    ):
        pytest.fail("the connection was accepted")


def test_a_certificate_of_another_host_is_not_trusted(
    hospital: Authority, start_tls: StartTls
) -> None:
    destination = start_tls(hospital.issue("pacs.example")).destination(
        TlsSection(ca=hospital.root)
    )
    with (
        pytest.raises(Unreachable, match=r"its certificate is not trusted.*127\.0\.0\.1"),
        open_archive(destination, "OSTEOSCREEN"),
    ):
        pytest.fail("the connection was accepted")


def test_an_expired_certificate_is_not_trusted(hospital: Authority, start_tls: StartTls) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    destination = start_tls(hospital.issue("127.0.0.1", until=yesterday)).destination(
        TlsSection(ca=hospital.root)
    )
    with (
        pytest.raises(Unreachable, match=r"its certificate is not trusted: .*expired"),
        open_archive(destination, "OSTEOSCREEN"),
    ):
        pytest.fail("the connection was accepted")


def test_a_missing_client_certificate_is_named_as_a_cause(
    hospital: Authority, start_tls: StartTls
) -> None:
    pacs = start_tls(hospital.issue("127.0.0.1"), hospital.root)
    with (
        pytest.raises(Unreachable, match="whether it requires a client certificate"),
        open_archive(pacs.destination(TlsSection(ca=hospital.root)), "OSTEOSCREEN"),
    ):
        pytest.fail("the connection was accepted")


def test_nothing_is_sent_unencrypted(hospital: Authority) -> None:
    """A wrong port number must not cause an unencrypted transfer."""
    ae = AE("PACS")
    ae.add_supported_context(Verification)
    port = free_port()
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=answering(0))
    try:
        with (
            pytest.raises(Unreachable, match="no TLS"),
            open_archive(
                make_destination(port, tls=TlsSection(ca=hospital.root), timeout=2.0), "OSTEOSCREEN"
            ),
        ):
            pytest.fail("the connection was accepted")
    finally:
        server.shutdown()


def test_the_expiry_of_the_peers_certificate_is_read(
    hospital: Authority, start_tls: StartTls
) -> None:
    until = (datetime.now(UTC) + timedelta(days=9)).replace(microsecond=0)
    destination = start_tls(hospital.issue("127.0.0.1", until=until)).destination(
        TlsSection(ca=hospital.root)
    )
    assert destination.tls is not None
    assert (
        valid_until((destination.host, destination.port), client_context(destination.tls), 5.0)
        == until
    )


@pytest.mark.parametrize(("days", "ok"), [(30, True), (9, False)])
def test_the_doctor_reports_the_expiry_and_fails_shortly_before(
    hospital: Authority,
    start_tls: StartTls,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    ok: bool,
) -> None:
    """The doctor warns while results can still be sent."""
    until = datetime.now(UTC) + timedelta(days=days)
    destination = start_tls(hospital.issue("127.0.0.1", until=until)).destination(
        TlsSection(ca=hospital.root)
    )
    destination = destination.model_copy(update={"send": ("heatmap",)})
    monkeypatch.chdir(tmp_path)  # the doctor also checks the spool
    checks = examine(Config(destinations=(destination,)))
    (check_result,) = [check for check in checks if check.name == "destination pacs"]
    assert check_result.ok is ok, check_result.detail
    assert f"{until:%Y-%m-%d}" in check_result.detail


@pytest.mark.parametrize("name", ["ca", "certificate"])
def test_an_unusable_file_is_named(tmp_path: Path, name: str) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(Misconfigured, match=rf"tls\.{name} .*broken\.pem.* cannot be used"):
        client_context(TlsSection(**{name: broken}))
    with pytest.raises(Misconfigured, match="No such file"):
        client_context(TlsSection(**{name: tmp_path / "absent.pem"}))
