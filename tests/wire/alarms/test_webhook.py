"""Alarms by webhook, to a real receiver: down at first, hostile."""

import hashlib
import hmac
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from node.config.monitoring import Webhook
from node.domain.errors import Misconfigured, Unreachable
from node.drift import channel_webhook
from node.drift.channel_webhook import SIGNATURE
from tests.peers.receivers import WebReceiver
from tests.support.alarm_payloads import CONTENT, SECRET, Told


def hook(receiver: WebReceiver, **more: Any) -> Webhook:
    return Webhook(url=receiver.url, timeout=5, **more)


def test_a_receiver_that_is_down_is_told_when_it_is_back(told: Told, web: WebReceiver) -> None:
    """Once; and each failure has its line in the log, without the path, which may be secret."""
    teller = told.teller(partial(channel_webhook.post, webhook=hook(web)))
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
        assert told.teller(partial(channel_webhook.post, webhook=hook(web))).step() == 0
    assert str(status) in logs[0]["error"]
    web.status = 200
    told.later()
    assert told.teller(partial(channel_webhook.post, webhook=hook(web))).step() == 1


def test_a_receiver_can_tell_that_it_is_us(web: WebReceiver, secret: Path) -> None:
    web.start()
    channel_webhook.post(CONTENT, hook(web, secret_file=secret))
    [(_, headers, body)] = web.posts
    expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE] == f"sha256={expected}"


def test_a_token_is_sent_by_tls_to_whom_we_trust(
    secure_web: WebReceiver, trusted: dict[str, Any], secret: Path
) -> None:
    channel_webhook.post(CONTENT, hook(secure_web, token_file=secret, tls=trusted))
    [(_, headers, _body)] = secure_web.posts
    assert headers["Authorization"] == f"Bearer {SECRET}"


def test_whom_we_do_not_trust_is_told_nothing(secure_web: WebReceiver, secret: Path) -> None:
    with pytest.raises(Unreachable, match="check url and tls"):
        channel_webhook.post(CONTENT, hook(secure_web, token_file=secret))
    assert secure_web.posts == []


@pytest.mark.parametrize("content", ["two words", "two\nlines", "naïve", "nul\0"])
def test_a_token_that_is_none_is_said_without_it(
    secure_web: WebReceiver, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(Misconfigured, match="holds more than a token") as refused:
        channel_webhook.require_usable(hook(secure_web, token_file=file))
    assert content not in str(refused.value)
