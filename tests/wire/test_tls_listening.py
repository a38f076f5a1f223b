"""DCMTK tests the listener's TLS: authentication and renewal of certificates."""

import re
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from node.config.peers import ServerTlsSection
from node.config.settings import Config
from node.demo import modality
from node.doctor import remote_checks
from node.domain.errors import Misconfigured, Unreachable
from node.security.tls import server_context
from tests.peers.audit import read
from tests.peers.programs import run
from tests.peers.waiting import wait_until
from tests.support.films import make_film, write_film
from tests.wire.conftest import AE_TITLE, Node

pytestmark = pytest.mark.tools("echoscu", "storescu")

OpenNode = Callable[..., Node]


class Hospital:
    """A CA with its certificates and keys in separate files, as DCMTK needs them."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self.root = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.root))

    def issue(self, name: str) -> ServerTlsSection:
        """Create files with a certificate for 127.0.0.1 and its key; `name` is their stem."""
        issued = self._ca.issue_cert("127.0.0.1")
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
        return ServerTlsSection(certificate=certificate, key=key)


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """Return the CA of the hospital."""
    return Hospital(tmp_path / "hospital")


def echo(node: Node, *options: object) -> bool:
    """Return whether DCMTK's echoscu is answered with these options."""
    peer = ["-to", "5", "-aec", AE_TITLE, *map(str, options), "127.0.0.1", str(node.port)]
    return run("echoscu", *peer).returncode == 0


def with_certificate(tls: ServerTlsSection, hospital: Hospital) -> tuple[object, ...]:
    """Return echoscu's options for a client certificate and the hospital's CA."""
    return "--enable-tls", tls.key, tls.certificate, "--add-cert-file", hospital.root


def without_certificate(hospital: Hospital) -> tuple[object, ...]:
    """Return echoscu's options for the hospital's CA without a client certificate."""
    return "--anonymous-tls", "--add-cert-file", hospital.root


def test_a_film_is_received_by_tls(open_node: OpenNode, hospital: Hospital, tmp_path: Path) -> None:
    """The port accepts only TLS connections."""
    node = open_node(settings={"tls": hospital.issue("node")})
    path = write_film(make_film(), tmp_path / "film.dcm")
    peer = ["-aec", AE_TITLE, "127.0.0.1", str(node.port), path]
    assert run("storescu", *map(str, without_certificate(hospital)), *peer).returncode == 0
    assert len(node.jobs()) == 1
    assert not echo(node)


def test_the_sender_verifies_the_nodes_certificate(
    open_node: OpenNode, hospital: Hospital, tmp_path: Path
) -> None:
    """A sender that trusts another CA does not connect."""
    node = open_node(settings={"tls": hospital.issue("node")})
    elsewhere = Hospital(tmp_path / "elsewhere")
    assert not echo(node, *without_certificate(elsewhere))


def test_with_a_ca_each_caller_needs_a_certificate(
    open_node: OpenNode, hospital: Hospital, tmp_path: Path
) -> None:
    """A missing certificate, or a certificate of another CA, is refused."""
    node_tls = hospital.issue("node").model_copy(update={"ca": hospital.root})
    node = open_node(settings={"tls": node_tls})
    stranger = Hospital(tmp_path / "elsewhere").issue("stranger")
    assert echo(node, *with_certificate(hospital.issue("modality"), hospital))
    assert not echo(node, *without_certificate(hospital))
    assert not echo(node, *with_certificate(stranger, hospital))
    # The caller may notice the refusal before the log line is written.
    wait_until(
        lambda: [(entry.kind, entry.outcome) for entry in read(node.folder / "audit.log")],
        lambda outcomes: outcomes == [("Node Authentication", "4")] * 2,
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1])
def test_old_tls_versions_are_refused(
    open_node: OpenNode, hospital: Hospital, version: ssl.TLSVersion
) -> None:
    """PS3.15, B.9 and later sections require TLS 1.2 or later."""
    node = open_node(settings={"tls": hospital.issue("node")})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(hospital.root)
    context.set_ciphers("ALL:@SECLEVEL=0")  # otherwise OpenSSL refuses on the side of the test
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", node.port), timeout=10) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)version"),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_weak_ciphers_are_refused(open_node: OpenNode, hospital: Hospital) -> None:
    """With TLS 1.2, only AEAD ciphers are accepted; Python would also accept CBC."""
    node = open_node(settings={"tls": hospital.issue("node")})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(hospital.root)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256")
    with (
        socket.create_connection(("127.0.0.1", node.port), timeout=10) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)handshake"),
    ):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_stalled_handshake_does_not_delay_others(open_node: OpenNode, hospital: Hospital) -> None:
    """pynetdicom by itself would do TLS handshakes one after another."""
    tls = hospital.issue("node")
    node = open_node(settings={"tls": tls, "artim_timeout": 60.0})
    with ExitStack() as silent:
        for _ in range(3):
            silent.enter_context(socket.create_connection(("127.0.0.1", node.port), timeout=10))
        assert echo(node, *without_certificate(hospital))


def test_an_endless_handshake_is_aborted(open_node: OpenNode, hospital: Hospital) -> None:
    """The ARTIM timeout also limits a TLS handshake."""
    node = open_node(settings={"tls": hospital.issue("node"), "artim_timeout": 0.5})
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as silent:
        assert silent.recv(1) == b""


def test_renewed_certificates_are_used_without_a_restart(
    open_node: OpenNode, hospital: Hospital, tmp_path: Path
) -> None:
    """Damaged files are not used, and the last valid certificate stays in use."""
    tls = hospital.issue("node")
    node = open_node(settings={"tls": tls})
    assert echo(node, *without_certificate(hospital))

    new_ca = Hospital(tmp_path / "renewed")
    renewed = new_ca.issue("node")
    assert tls.key is not None
    assert renewed.key is not None
    tls.certificate.write_text("no certificate")
    assert echo(node, *without_certificate(hospital))

    renewed.key.replace(tls.key)
    renewed.certificate.replace(tls.certificate)
    wait_until(
        lambda: echo(node, *without_certificate(new_ca)), goal="echo with the renewed certificate"
    )
    assert not echo(node, *without_certificate(hospital))


def test_the_doctors_round_trip_uses_tls(
    open_node: OpenNode, hospital: Hospital, tmp_path: Path
) -> None:
    """The round trip trusts only the node's own certificate."""
    tls = hospital.issue("node").model_copy(update={"ca": hospital.root})
    node = open_node(settings={"tls": tls})
    modality.send(make_film(), modality.NodeAddress(AE_TITLE, node.port, tls=tls))
    assert len(node.jobs()) == 1
    foreign_tls = Hospital(tmp_path / "elsewhere").issue("other")
    with pytest.raises(Unreachable, match=r"no node answers at .*dicom\.tls\.ca"):
        modality.send(make_film(), modality.NodeAddress(AE_TITLE, node.port, tls=foreign_tls))


def test_the_doctor_connects_to_the_node_by_tls(open_node: OpenNode, hospital: Hospital) -> None:
    """The doctor reports when the node's certificate expires."""
    tls = hospital.issue("node").model_copy(update={"ca": hospital.root})
    node = open_node(settings={"tls": tls})
    config = Config(dicom={"port": node.port, "tls": tls.model_dump()})
    assert re.search(r"answers by TLS, certificate valid until \d{4}-", remote_checks.node(config))


def test_unusable_files_are_named(hospital: Hospital, tmp_path: Path) -> None:
    """The error at the start contains the key and the path."""
    tls, missing = hospital.issue("node"), tmp_path / "missing.pem"
    with pytest.raises(Misconfigured, match=r"tls\.certificate .*missing\.pem.*No such file"):
        server_context(ServerTlsSection(certificate=missing))
    with pytest.raises(Misconfigured, match=r"tls\.ca .*missing\.pem cannot be used"):
        server_context(tls.model_copy(update={"ca": missing}))
    with pytest.raises(Misconfigured, match=r"tls\.certificate .* with key .*values mismatch"):
        server_context(tls.model_copy(update={"key": hospital.issue("other").key}))
