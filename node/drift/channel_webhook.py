"""Sending of notices by HTTP POST."""

import hashlib
import hmac
import json
from typing import Any

import httpx

from node.config.monitoring import WebhookSection
from node.domain.errors import Misconfigured, Unreachable
from node.security.secrets import read_secret
from node.security.tls import client_context

SIGNATURE = "X-OsteoScreen-Signature"


def post(content: dict[str, Any], webhook: WebhookSection) -> None:
    """Send a notice as JSON that the receiver accepts; raise Unreachable or Misconfigured.

    Messages of errors do not quote the URL's path, which is a password for some receivers.
    """
    body = json.dumps(content, sort_keys=True).encode()
    receiver = f"drift.alarms.webhook ({webhook.url.host})"
    try:
        with httpx.Client(
            verify=client_context(webhook.tls), timeout=webhook.timeout, trust_env=False
        ) as client:
            answer = client.post(str(webhook.url), content=body, headers=_headers(body, webhook))
    except httpx.TransportError as error:
        raise Unreachable(f"{receiver}: {type(error).__name__}; check url and tls") from None
    if not answer.is_success:
        raise Unreachable(
            f"{receiver}: answered HTTP {answer.status_code}; check url, token_file and secret_file"
        )


def _headers(body: bytes, webhook: WebhookSection) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if webhook.token_file is not None:
        token = read_secret("drift.alarms.webhook.token_file", webhook.token_file)
        if not token.isascii() or not token.isprintable() or " " in token:
            raise Misconfigured(
                f"drift.alarms.webhook.token_file {webhook.token_file} does not contain a single "
                "token of printable ASCII"
            )
        headers["Authorization"] = f"Bearer {token}"
    if webhook.secret_file is not None:
        key = read_secret("drift.alarms.webhook.secret_file", webhook.secret_file)
        digest = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        headers[SIGNATURE] = f"sha256={digest}"
    return headers


def require_usable(webhook: WebhookSection) -> None:
    """Raise Misconfigured if a certificate, token or secret file cannot be used."""
    client_context(webhook.tls)
    _headers(b"", webhook)
