"""Notices are sent through configured channels, which are independent of each other."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.config.settings import ConfigError, load
from node.drift.alarm_store import AlarmStore
from node.drift.setup import notifying
from tests.peers.receivers import MailReceiver, WebReceiver
from tests.peers.waiting import wait_until
from tests.support.alarm_payloads import CONTENT, XRAY, NoticeTable


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("webhook: {url: 'http://x.example/', token_file: t}", "begin with https"),
        ("mail: {host: h, sender: a@b, recipients: [c@d], user: u}", "belong together"),
        (
            "mail: {host: h, sender: a@b, recipients: [c@d], user: u, password_file: p, "
            "starttls: false}",
            "needs TLS",
        ),
        ("mail: {host: h, sender: a@b, recipients: ['X <c@d>']}", "name@host"),
        ("mail: {host: h, sender: a@b, recipients: []}", "at least 1"),
        ('mail: {host: h, sender: a@b, recipients: ["c@d\\nBcc: e@f"]}', "name@host"),
    ],
)
def test_a_contradictory_configuration_is_refused(
    tmp_path: Path, section: str, message: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"drift: {{alarms: {{{section}}}}}\n")
    with pytest.raises(ConfigError, match=message):
        load(file)


def test_a_receiver_that_hangs_does_not_delay_the_others(
    notices: NoticeTable, web: WebReceiver, tmp_path: Path
) -> None:
    """Each channel has its own thread, separate from the maintenance tasks."""
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
    alarms = AlarmStore(notices.engine, ("webhook", "mail"))
    assert alarms.activate(XRAY, "psi", now, CONTENT)
    stop = threading.Event()
    try:
        with notifying(config, notices.engine, stop):
            assert web.requested.wait(20)
            wait_until(lambda: plain.mails, goal="mail while the webhook hangs")
            assert web.posts == []
            web.answering.set()
            wait_until(lambda: web.posts, goal="POST that was answered late")
    finally:
        plain.stop()
    assert stop.is_set()
