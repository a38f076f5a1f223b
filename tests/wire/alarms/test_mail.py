"""Notices are sent by mail to a real server, which may be unreachable or lack TLS."""

import email
import email.policy
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from node.config.monitoring import MailSection
from node.domain.errors import Unreachable
from node.drift import channel_mail
from tests.peers.receivers import MailReceiver
from tests.support.alarm_payloads import CONTENT, NoticeTable


def mailing(receiver: MailReceiver, **more: Any) -> MailSection:
    team = {"sender": "osteo@hospital.example", "recipients": ("pacs@hospital.example",)}
    return MailSection(host="127.0.0.1", port=receiver.port, timeout=5, **team | more)


def read_mail(receiver: MailReceiver) -> email.message.EmailMessage:
    [envelope] = receiver.mails
    assert isinstance(envelope.content, bytes)
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def test_a_notice_waits_for_an_unreachable_mail_server(
    notices: NoticeTable, secure_mail: MailReceiver, trusted: dict[str, Any], secret: Path
) -> None:
    """The mail server requires TLS and a login, and the mail contains a sentence and the JSON."""
    section = mailing(secure_mail, user="osteo", password_file=secret, tls=trusted)
    notifier = notices.notifier(partial(channel_mail.send, mail=section), "mail")
    notices.activate("mail")
    with capture_logs() as logs:
        assert notifier() == 0
    assert "Connection refused" in logs[0]["error"]
    secure_mail.start()
    notices.later()
    assert notifier() == 1
    message = read_mail(secure_mail)
    assert (message["From"], message["To"]) == ("osteo@hospital.example", "pacs@hospital.example")
    assert message["Subject"] == f"OSTEOSCREEN: {CONTENT['text']}"
    text = message.get_content()
    assert json.loads(text[text.index("{") :]) == CONTENT
    assert secure_mail.logins == [True]


def test_no_mail_is_sent_unencrypted_to_a_server_without_tls(secret: Path) -> None:
    """An attacker on the network could remove STARTTLS from the server's answer."""
    plain = MailReceiver()
    plain.start()
    try:
        with pytest.raises(Unreachable, match="lacks STARTTLS"):
            channel_mail.send(CONTENT, mailing(plain, user="osteo", password_file=secret))
        channel_mail.send(CONTENT, mailing(plain, starttls=False))
    finally:
        plain.stop()
    assert len(plain.mails) == 1


def test_an_untrusted_server_gets_no_password(secure_mail: MailReceiver, secret: Path) -> None:
    secure_mail.start()
    with pytest.raises(Unreachable, match="not trusted"):
        channel_mail.send(CONTENT, mailing(secure_mail, user="osteo", password_file=secret))
    assert secure_mail.logins == []


def test_a_wrong_password_is_reported_with_the_remedy(
    secure_mail: MailReceiver, trusted: dict[str, Any], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("other")
    secure_mail.start()
    with pytest.raises(Unreachable, match="check user and password_file"):
        channel_mail.send(
            CONTENT, mailing(secure_mail, user="osteo", password_file=wrong, tls=trusted)
        )


def test_refused_recipients_are_counted_but_not_named(secret: Path) -> None:
    """A mail is sent if one recipient is accepted. The server's answer may name a person."""
    picky = MailReceiver(unknown_recipients=("unknown@hospital.example",))
    picky.start()
    unknown, accepted = "unknown@hospital.example", "pacs@hospital.example"
    try:
        with capture_logs() as logs:
            channel_mail.send(
                CONTENT, mailing(picky, starttls=False, recipients=(unknown, accepted))
            )
        with pytest.raises(Unreachable, match="the recipients") as refused:
            channel_mail.send(CONTENT, mailing(picky, starttls=False, recipients=(unknown,)))
    finally:
        picky.stop()
    assert [(entry["event"], entry["count"]) for entry in logs] == [("recipients_refused", 1)]
    assert "SURNAME" not in f"{refused.value}{logs}"


def test_a_hostile_station_adds_no_mail_header() -> None:
    text = "XRAY1 / A\r\nBcc: x@y.example\x1b[2J\ud800: is silent"
    plain = MailReceiver()
    plain.start()
    try:
        channel_mail.send(
            CONTENT | {"text": text, "station": "\ud800"}, mailing(plain, starttls=False)
        )
    finally:
        plain.stop()
    message = read_mail(plain)
    assert message["Bcc"] is None
    assert "\x1b" not in message.as_string()
    assert plain.mails[0].rcpt_tos == ["pacs@hospital.example"]
