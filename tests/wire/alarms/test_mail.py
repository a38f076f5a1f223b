"""Alarms by mail, to a real server: down at first, without TLS, picky."""

import email
import email.policy
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from node.config.monitoring import Mail
from node.domain.errors import Unreachable
from node.drift import channel_mail
from tests.peers.receivers import MailReceiver
from tests.support.alarm_payloads import CONTENT, Told


def mailing(receiver: MailReceiver, **more: Any) -> Mail:
    team = {"sender": "osteo@hospital.example", "recipients": ("pacs@hospital.example",)}
    return Mail(host="127.0.0.1", port=receiver.port, timeout=5, **team | more)


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
    teller = told.teller(partial(channel_mail.send, mail=wanted), "mail")
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
            channel_mail.send(CONTENT, mailing(plain, user="osteo", password_file=secret))
        channel_mail.send(CONTENT, mailing(plain, starttls=False))
    finally:
        plain.stop()
    assert len(plain.mails) == 1


def test_a_server_that_we_do_not_trust_gets_no_password(
    secure_mail: MailReceiver, secret: Path
) -> None:
    secure_mail.start()
    with pytest.raises(Unreachable, match="not trusted"):
        channel_mail.send(CONTENT, mailing(secure_mail, user="osteo", password_file=secret))
    assert secure_mail.logins == []


def test_a_wrong_password_is_said_with_the_remedy(
    secure_mail: MailReceiver, trusted: dict[str, Any], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("other")
    secure_mail.start()
    with pytest.raises(Unreachable, match="check user and password_file"):
        channel_mail.send(
            CONTENT, mailing(secure_mail, user="osteo", password_file=wrong, tls=trusted)
        )


def test_what_a_server_says_of_recipients_is_kept_to_it(secret: Path) -> None:
    """One of two is enough; of none it is an error. Its words may name somebody."""
    picky = MailReceiver(unknown=("gone@hospital.example",))
    picky.start()
    gone, there = "gone@hospital.example", "pacs@hospital.example"
    try:
        with capture_logs() as logs:
            channel_mail.send(CONTENT, mailing(picky, starttls=False, recipients=(gone, there)))
        with pytest.raises(Unreachable, match="these recipients") as refused:
            channel_mail.send(CONTENT, mailing(picky, starttls=False, recipients=(gone,)))
    finally:
        picky.stop()
    assert [(one["event"], one["count"]) for one in logs] == [("recipients_refused", 1)]
    assert "SURNAME" not in f"{refused.value}{logs}"


def test_a_hostile_station_writes_no_header_of_its_own() -> None:
    text = "XRAY1 / A\r\nBcc: x@y.example\x1b[2J\ud800: is silent"
    plain = MailReceiver()
    plain.start()
    try:
        channel_mail.send(
            CONTENT | {"text": text, "station": "\ud800"}, mailing(plain, starttls=False)
        )
    finally:
        plain.stop()
    made = read_mail(plain)
    assert made["Bcc"] is None
    assert "\x1b" not in made.as_string()
    assert plain.mails[0].rcpt_tos == ["pacs@hospital.example"]
