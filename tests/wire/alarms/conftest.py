"""Fixtures: receivers of notices on loopback, with certificates of a test authority."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from node.jobs import schema
from node.jobs.engine import open_engine
from tests.peers.receivers import MailReceiver, WebReceiver
from tests.support.alarm_payloads import SECRET, NoticeTable


@pytest.fixture
def notices(tmp_path: Path) -> NoticeTable:
    engine = open_engine(f"sqlite:///{tmp_path / 'jobs.db'}")
    schema.upgrade(engine)
    return NoticeTable(engine)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> dict[str, Any]:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return {"ca": tmp_path / "ca.pem"}


@pytest.fixture
def web() -> Iterator[WebReceiver]:
    receiver = WebReceiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def secure_web(server_tls: ssl.SSLContext) -> Iterator[WebReceiver]:
    receiver = WebReceiver(server_tls)
    receiver.start()
    yield receiver
    receiver.stop()


@pytest.fixture
def secure_mail(server_tls: ssl.SSLContext) -> Iterator[MailReceiver]:
    receiver = MailReceiver(server_tls, "osteo", SECRET)
    yield receiver
    receiver.stop()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    return file
