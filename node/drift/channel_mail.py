"""Telling of an alarm by mail, to the hospital's SMTP server."""

import json
import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

import structlog

from node.config.monitoring import Mail
from node.domain.errors import Unreachable
from node.log import printable
from node.security.secrets import read_secret
from node.security.tls import client_context, reason_of

log = structlog.get_logger()


def send(content: dict[str, Any], mail: Mail) -> None:
    """Send an alarm as a mail; return once the server has taken it.

    Raises Unreachable with the reason, and Misconfigured for a file that cannot be used.
    """
    context = client_context(mail.tls)
    try:
        with smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout) as server:
            if mail.starttls:
                server.starttls(context=context)
            if mail.password_file is not None:
                server.login(mail.user, _password(mail))
            refused = server.send_message(message(content, mail))
    except (OSError, UnicodeEncodeError) as error:  # smtplib's own are of the first kind
        raise Unreachable(f"drift.alarms.mail ({mail.host}): {_reason(error)}") from None
    if refused:
        log.warning("recipients_refused", count=len(refused))


def message(content: dict[str, Any], mail: Mail) -> EmailMessage:
    """Return the mail: one line in words, then the same for programs."""
    text = printable(content["text"])
    made = EmailMessage()
    made["Subject"] = f"{content['node']}: {text}"
    made["From"] = mail.sender
    made["To"] = ", ".join(mail.recipients)
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    details = json.dumps(content, indent=2, sort_keys=True)
    made.set_content(
        f"{text}\n\nWhat to do: docs/how-to/monitor-drift.md. "
        f"`osteoscreen drift` shows more.\n\n{details}\n"
    )
    return made


def require_usable(mail: Mail) -> None:
    """Raise Misconfigured for a file that cannot be used, before there is an alarm to tell."""
    client_context(mail.tls)
    if mail.password_file is not None:
        _password(mail)


def _password(mail: Mail) -> str:
    assert mail.password_file is not None  # noqa: S101 - the callers have looked
    return read_secret("drift.alarms.mail.password_file", mail.password_file)


def _reason(error: Exception) -> str:
    """Return a reason in words; a server's own may quote addresses and more."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return "it does not let us in; check user and password_file"
        case smtplib.SMTPNotSupportedError():
            return "it lacks STARTTLS or a login that we know; check port, starttls and user"
        case smtplib.SMTPRecipientsRefused():
            return "it takes no mail for these recipients; check recipients"
        case smtplib.SMTPSenderRefused():
            return "it takes no mail from this sender; check sender and user"
        case smtplib.SMTPResponseException(smtp_code=code):
            return f"it answered {code}"
        case smtplib.SMTPException():
            return f"{type(error).__name__}; check host and port"
        case UnicodeEncodeError():
            return "user or password is not in ASCII"
    return f"{reason_of(error)}; check host, port and tls"
