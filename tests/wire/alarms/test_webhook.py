"""Notices are sent by webhook to a real receiver, which may be unreachable or untrusted."""

import hashlib
import hmac
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from node.config.monitoring import WebhookSection
from node.domain.errors import Misconfigured, Unreachable
from node.drift import channel_webhook
from node.drift.channel_webhook import SIGNATURE
from tests.peers.receivers import WebReceiver
from tests.support.alarm_payloads import CONTENT, SECRET, NoticeTable


def hook(receiver: WebReceiver, **more: Any) -> WebhookSection:
    return WebhookSection(url=receiver.url, timeout=5, **more)


def test_a_notice_waits_for_an_unreachable_receiver(notices: NoticeTable, web: WebReceiver) -> None:
    """The notice is sent once, and each failure is logged without the path, which may be secret."""
    notifier = notices.notifier(partial(channel_webhook.post, webhook=hook(web)))
    notices.activate()
    with capture_logs() as logs:
        assert notifier() == 0
        assert notifier() == 0  # the notice is not due again
        notices.later()
        assert notifier() == 0
    assert [(entry["event"], entry["attempt"]) for entry in logs] == [
        ("notice_retry_scheduled", 1),
        ("notice_retry_scheduled", 2),
    ]
    assert "secret-path" not in str(logs)
    web.start()
    notices.later()
    assert notifier() == 1
    notices.later()
    assert notifier() == 0
    [(path, headers, body)] = web.posts
    assert (path, headers["Content-Type"]) == ("/hooks/secret-path", "application/json")
    assert json.loads(body) == CONTENT


@pytest.mark.parametrize("status", [302, 400, 403, 500, 503])
def test_only_a_success_status_counts(notices: NoticeTable, web: WebReceiver, status: int) -> None:
    """A redirect is not followed, because it would lead to a host that is not configured."""
    web.status = status
    web.start()
    notices.activate()
    with capture_logs() as logs:
        assert notices.notifier(partial(channel_webhook.post, webhook=hook(web)))() == 0
    assert str(status) in logs[0]["error"]
    web.status = 200
    notices.later()
    assert notices.notifier(partial(channel_webhook.post, webhook=hook(web)))() == 1


def test_a_receiver_can_verify_the_signature(web: WebReceiver, secret: Path) -> None:
    web.start()
    channel_webhook.post(CONTENT, hook(web, secret_file=secret))
    [(_, headers, body)] = web.posts
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE] == f"sha256={expected}"


def test_a_token_is_sent_to_a_trusted_receiver(
    secure_web: WebReceiver, trusted: dict[str, Any], secret: Path
) -> None:
    channel_webhook.post(CONTENT, hook(secure_web, token_file=secret, tls=trusted))
    [(_, headers, _body)] = secure_web.posts
    assert headers["Authorization"] == f"Bearer {SECRET}"


def test_an_untrusted_receiver_gets_no_notice(secure_web: WebReceiver, secret: Path) -> None:
    with pytest.raises(Unreachable, match="check url and tls"):
        channel_webhook.post(CONTENT, hook(secure_web, token_file=secret))
    assert secure_web.posts == []


@pytest.mark.parametrize("content", ["two words", "two\nlines", "naïve", "nul\0"])
def test_an_invalid_token_is_reported_but_not_quoted(
    secure_web: WebReceiver, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(Misconfigured, match="does not contain a single token") as refused:
        channel_webhook.require_usable(hook(secure_web, token_file=file))
    assert content not in str(refused.value)
