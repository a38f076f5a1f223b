"""Sending of notices by mail, through the hospital's SMTP server."""

import json
import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

import structlog

from node.config.monitoring import MailSection
from node.domain.errors import Unreachable
from node.log import printable
from node.security.secrets import read_secret
from node.security.tls import client_context, tls_error_text

_KEY = "drift.alarms.mail.password_file"

log = structlog.get_logger()


def send(content: dict[str, Any], mail: MailSection) -> None:
    """Send a notice as a mail that the server accepts; raise Unreachable or Misconfigured."""
    context = client_context(mail.tls)
    try:
        with smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout) as server:
            if mail.starttls:
                server.starttls(context=context)
            if mail.password_file is not None:
                server.login(mail.user, read_secret(_KEY, mail.password_file))
            refused = server.send_message(message(content, mail))
    except (OSError, UnicodeEncodeError) as error:  # smtplib's errors are OSErrors
        raise Unreachable(f"drift.alarms.mail ({mail.host}): {_reason(error)}") from None
    if refused:
        log.warning("recipients_refused", count=len(refused))


def message(content: dict[str, Any], mail: MailSection) -> EmailMessage:
    """Return the mail, with a sentence for people and the same content as JSON."""
    text = printable(content["text"])
    mail_message = EmailMessage()
    mail_message["Subject"] = f"{content['node']}: {text}"
    mail_message["From"] = mail.sender
    mail_message["To"] = ", ".join(mail.recipients)
    mail_message["Date"] = format_datetime(datetime.now(UTC))
    mail_message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    mail_message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    details = json.dumps(content, indent=2, sort_keys=True)
    mail_message.set_content(
        f"{text}\n\nFor details, run: osteoscreen drift\n"
        f"For remedies, see docs/how-to/monitor-drift.md.\n\n{details}\n"
    )
    return mail_message


def require_usable(mail: MailSection) -> None:
    """Raise Misconfigured if a certificate or the password file cannot be used."""
    client_context(mail.tls)
    if mail.password_file is not None:
        read_secret(_KEY, mail.password_file)


def _reason(error: Exception) -> str:
    """Return the reason of an error without the server's text, which may quote addresses."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return "the server refused the login; check user and password_file"
        case smtplib.SMTPNotSupportedError():
            return "the server lacks STARTTLS or a supported login; check port, starttls and user"
        case smtplib.SMTPRecipientsRefused():
            return "the server refused the recipients; check recipients"
        case smtplib.SMTPSenderRefused():
            return "the server refused the sender; check sender and user"
        case smtplib.SMTPResponseException(smtp_code=code):
            return f"the server answered {code}"
        case smtplib.SMTPException():
            return f"{type(error).__name__}; check host and port"
        case UnicodeEncodeError():
            return "user or password is not in ASCII"
    return f"{tls_error_text(error)}; check host, port and tls"
