"""The channels of alarms together: what can be configured, and none waits for another."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.config.settings import ConfigError, load
from node.drift.alarm_store import AlarmStore
from node.drift.setup import telling
from tests.peers.receivers import MailReceiver, WebReceiver
from tests.peers.waiting import wait_until
from tests.support.alarm_payloads import CONTENT, XRAY, Told


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
    file = tmp_path / "config.yaml"
    file.write_text(f"drift: {{alarms: {{{section}}}}}\n")
    with pytest.raises(ConfigError, match=message):
        load(file)


def test_a_receiver_that_hangs_holds_up_no_other(
    told: Told, web: WebReceiver, tmp_path: Path
) -> None:
    """Each channel has a thread of its own, and maintenance's chores have others."""
    web.answering.clear()
    web.start()
    plain = MailReceiver()
    plain.start()
    file = tmp_path / "config.yaml"
    file.write_text(
        f"drift: {{alarms: {{webhook: {{url: '{web.url}'}}, mail: {{host: 127.0.0.1, "
        f"port: {plain.port}, starttls: false, sender: a@b.example, recipients: [c@d.example]}}}}}}"
    )
    config = load(file)
    now = datetime.now(UTC)
    alarms = AlarmStore(told.engine, ("webhook", "mail"))
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
