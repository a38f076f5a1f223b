"""Telling of alarms, to real receivers on loopback: down at first, hostile, slow."""

import email
import email.policy
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from structlog.testing import capture_logs

from node.app_drift import telling
from node.config import Config, load
from node.config_drift import Mail, Webhook
from node.domain.drift import Source
from node.domain.errors import Misconfigured, Unreachable
from node.jobs import migrate
from node.jobs.alarms import SqlAlarms
from node.jobs.engine import open_engine
from node.notify import mail, webhook
from node.notify.webhook import SIGNATURE
from node.upkeep.telling import Teller
from tests.peers.receivers import MailReceiver, WebReceiver
from tests.peers.waiting import wait_until

XRAY = Source("XRAY1", "ROOM 2")
CONTENT = {
    "event": "drift_alarm",
    "node": "OSTEOSCREEN",
    "calling_ae": "XRAY1",
    "station": "ROOM 2",
    "measure": "psi",
    "text": "XRAY1 / ROOM 2: population stability index is 0.310",
}
SECRET = "k-4711"  # noqa: S105 - of these tests alone


@dataclass
class Told:
    """A table of notices with a teller, and the time it is."""

    engine: Any
    now: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def raised(self, channel: str = "webhook", content: dict[str, Any] = CONTENT) -> None:
        assert SqlAlarms(self.engine, (channel,)).raised(XRAY, "psi", self.now, content)

    def teller(self, tell: Callable[[dict[str, Any]], None], channel: str = "webhook") -> Teller:
        return Teller(channel, SqlAlarms(self.engine, (channel,)), tell, lambda: self.now)

    def later(self) -> None:
        """Move the clock by more than any pause is."""
        self.now += timedelta(minutes=15)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    engine = open_engine(f"sqlite:///{tmp_path / 'jobs.db'}")
    migrate.upgrade(engine)
    return Told(engine)


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


def hook(receiver: WebReceiver, **more: Any) -> Webhook:
    return Webhook(url=receiver.url, timeout=5, **more)


def mailing(receiver: MailReceiver, **more: Any) -> Mail:
    team = {"sender": "osteo@hospital.example", "recipients": ("pacs@hospital.example",)}
    return Mail(host="127.0.0.1", port=receiver.port, timeout=5, **team | more)


def test_a_receiver_that_is_down_is_told_when_it_is_back(told: Told, web: WebReceiver) -> None:
    """Once; and each failure has its line in the log, without the path, which may be secret."""
    teller = told.teller(partial(webhook.post, webhook=hook(web)))
    told.raised()
    with capture_logs() as logs:
        assert teller.step() == 0
        assert teller.step() == 0  # it is not due again
        told.later()
        assert teller.step() == 0
    assert [(one["event"], one["attempt"]) for one in logs] == [
        ("alarm_not_told", 1),
        ("alarm_not_told", 2),
    ]
    assert "secret-path" not in str(logs)
    web.start()
    told.later()
    assert teller.step() == 1
    told.later()
    assert teller.step() == 0
    [(path, headers, body)] = web.posts
    assert (path, headers["Content-Type"]) == ("/hooks/secret-path", "application/json")
    assert json.loads(body) == CONTENT


@pytest.mark.parametrize("status", [302, 400, 403, 500, 503])
def test_an_answer_that_is_no_success_is_none(told: Told, web: WebReceiver, status: int) -> None:
    """A redirect is not followed: the alarm would go where nobody has configured."""
    web.status = status
    web.start()
    told.raised()
    with capture_logs() as logs:
        assert told.teller(partial(webhook.post, webhook=hook(web))).step() == 0
    assert str(status) in logs[0]["error"]
    web.status = 200
    told.later()
    assert told.teller(partial(webhook.post, webhook=hook(web))).step() == 1


def test_a_receiver_can_tell_that_it_is_us(web: WebReceiver, secret: Path) -> None:
    web.start()
    webhook.post(CONTENT, hook(web, secret_file=secret))
    [(_, headers, body)] = web.posts
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE] == f"sha256={expected}"


def test_a_token_is_sent_by_tls_to_whom_we_trust(
    secure_web: WebReceiver, trusted: dict[str, Any], secret: Path
) -> None:
    webhook.post(CONTENT, hook(secure_web, token_file=secret, tls=trusted))
    [(_, headers, _body)] = secure_web.posts
    assert headers["Authorization"] == f"Bearer {SECRET}"


def test_whom_we_do_not_trust_is_told_nothing(secure_web: WebReceiver, secret: Path) -> None:
    with pytest.raises(Unreachable, match="check url and tls"):
        webhook.post(CONTENT, hook(secure_web, token_file=secret))
    assert secure_web.posts == []


@pytest.mark.parametrize("content", ["two words", "two\nlines", "naïve", "nul\0"])
def test_a_token_that_is_none_is_said_without_it(
    secure_web: WebReceiver, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(Misconfigured, match="holds more than a token") as refused:
        webhook.require_usable(hook(secure_web, token_file=file))
    assert content not in str(refused.value)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("webhook: {url: 'http://x.example/', token_file: t}", "begin with https"),
        ("mail: {host: h, sender: a@b, recipients: [c@d], user: u}", "belong together"),
        (
            "mail: {host: h, sender: a@b, recipients: [c@d], user: u, password_file: p, "
            "starttls: false}",
            "by TLS alone",
        ),
        ("mail: {host: h, sender: a@b, recipients: ['X <c@d>']}", "name@host"),
        ("mail: {host: h, sender: a@b, recipients: []}", "at least 1"),
        ('mail: {host: h, sender: a@b, recipients: ["c@d\\nBcc: e@f"]}', "name@host"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, section: str, message: str) -> None:
    from node.config import ConfigError

    file = tmp_path / "config.yaml"
    file.write_text(f"drift: {{alarms: {{{section}}}}}\n")
    with pytest.raises(ConfigError, match=message):
        load(file)


def read_mail(receiver: MailReceiver) -> email.message.EmailMessage:
    [envelope] = receiver.mails
    assert isinstance(envelope.content, bytes)
    made = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert isinstance(made, email.message.EmailMessage)
    return made


def test_a_mail_server_that_is_down_is_told_when_it_is_back(
    told: Told, secure_mail: MailReceiver, trusted: dict[str, Any], secret: Path
) -> None:
    """By TLS and with a login; the mail has the sentence, and the facts for programs."""
    wanted = mailing(secure_mail, user="osteo", password_file=secret, tls=trusted)
    teller = told.teller(partial(mail.send, mail=wanted), "mail")
    told.raised("mail")
    with capture_logs() as logs:
        assert teller.step() == 0
    assert "Connection refused" in logs[0]["error"]
    secure_mail.start()
    told.later()
    assert teller.step() == 1
    made = read_mail(secure_mail)
    assert (made["From"], made["To"]) == ("osteo@hospital.example", "pacs@hospital.example")
    assert made["Subject"] == f"OSTEOSCREEN: {CONTENT['text']}"
    text = made.get_content()
    assert json.loads(text[text.index("{") :]) == CONTENT
    assert secure_mail.logins == [True]


def test_nothing_is_mailed_in_clear_to_a_server_without_tls(secret: Path) -> None:
    """Whoever sits in between may have taken STARTTLS out of its answer."""
    plain = MailReceiver()
    plain.start()
    try:
        with pytest.raises(Unreachable, match="lacks STARTTLS"):
            mail.send(CONTENT, mailing(plain, user="osteo", password_file=secret))
        mail.send(CONTENT, mailing(plain, starttls=False))
    finally:
        plain.stop()
    assert len(plain.mails) == 1


def test_a_server_that_we_do_not_trust_gets_no_password(
    secure_mail: MailReceiver, secret: Path
) -> None:
    secure_mail.start()
    with pytest.raises(Unreachable, match="not trusted"):
        mail.send(CONTENT, mailing(secure_mail, user="osteo", password_file=secret))
    assert secure_mail.logins == []


def test_a_wrong_password_is_said_with_the_remedy(
    secure_mail: MailReceiver, trusted: dict[str, Any], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("other")
    secure_mail.start()
    with pytest.raises(Unreachable, match="check user and password_file"):
        mail.send(CONTENT, mailing(secure_mail, user="osteo", password_file=wrong, tls=trusted))


def test_what_a_server_says_of_recipients_is_kept_to_it(secret: Path) -> None:
    """One of two is enough; of none it is an error. Its words may name somebody."""
    picky = MailReceiver(unknown=("gone@hospital.example",))
    picky.start()
    gone, there = "gone@hospital.example", "pacs@hospital.example"
    try:
        with capture_logs() as logs:
            mail.send(CONTENT, mailing(picky, starttls=False, recipients=(gone, there)))
        with pytest.raises(Unreachable, match="these recipients") as refused:
            mail.send(CONTENT, mailing(picky, starttls=False, recipients=(gone,)))
    finally:
        picky.stop()
    assert [(one["event"], one["count"]) for one in logs] == [("recipients_refused", 1)]
    assert "SURNAME" not in f"{refused.value}{logs}"


def test_a_hostile_station_writes_no_header_of_its_own() -> None:
    text = "XRAY1 / A\r\nBcc: x@y.example\x1b[2J\ud800: is silent"
    plain = MailReceiver()
    plain.start()
    try:
        mail.send(CONTENT | {"text": text, "station": "\ud800"}, mailing(plain, starttls=False))
    finally:
        plain.stop()
    made = read_mail(plain)
    assert made["Bcc"] is None
    assert "\x1b" not in made.as_string()
    assert plain.mails[0].rcpt_tos == ["pacs@hospital.example"]


def test_a_receiver_that_hangs_holds_up_no_other(
    told: Told, web: WebReceiver, tmp_path: Path
) -> None:
    """Each channel has a thread of its own, and upkeep's chores have others."""
    web.answering.clear()
    web.start()
    plain = MailReceiver()
    plain.start()
    file = tmp_path / "config.yaml"
    file.write_text(
        f"drift: {{alarms: {{webhook: {{url: '{web.url}'}}, mail: {{host: 127.0.0.1, "
        f"port: {plain.port}, starttls: false, sender: a@b.example, recipients: [c@d.example]}}}}}}"
    )
    config: Config = load(file)
    now = datetime.now(UTC)
    alarms = SqlAlarms(told.engine, ("webhook", "mail"))
    assert alarms.raised(XRAY, "psi", now, CONTENT)
    stop = threading.Event()
    try:
        with telling(config, told.engine, stop):
            assert web.asked.wait(20)
            wait_until(lambda: plain.mails, what="mail beside a webhook that hangs")
            assert web.posts == []
            web.answering.set()
            wait_until(lambda: web.posts, what="POST that was answered late")
    finally:
        plain.stop()
    assert stop.is_set()
