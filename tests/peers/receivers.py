"""A web server and a mail server on loopback receive alarms."""

import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.peers.waiting import free_port


@dataclass
class WebReceiver:
    """A web server that stores path, headers and body of each POST, and answers with `status`.

    Each request sets the event `requested`. While `answering` is cleared, no request is answered.
    """

    context: ssl.SSLContext | None = None
    port: int = field(default_factory=free_port)
    status: int = 204
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    requested: threading.Event = field(default_factory=threading.Event)
    answering: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None

    def __post_init__(self) -> None:
        self.answering.set()

    @property
    def url(self) -> str:
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/hooks/secret-path"

    def start(self) -> None:
        """Listen on loopback."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requested.set()
                receiver.answering.wait()
                receiver.posts.append((self.path, dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Location", "https://elsewhere.example/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Write no access log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        if self.context is not None:
            self._server.socket = self.context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self.answering.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@dataclass
class MailReceiver:
    """An SMTP server that stores each mail, and whether each login succeeded.

    With a `context`, the server requires STARTTLS. With a `user`, a login is required.
    """

    context: ssl.SSLContext | None = None
    user: str = ""
    password: str = ""
    unknown_recipients: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    mails: list[Envelope] = field(default_factory=list)
    logins: list[bool] = field(default_factory=list)
    _controller: Controller | None = None

    def start(self) -> None:
        """Listen on loopback."""
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            tls_context=self.context,
            require_starttls=self.context is not None,
            auth_required=bool(self.user),
            authenticator=self._authenticate,
        )
        self._controller.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(  # noqa: N802 - named by aiosmtpd
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Accept a recipient, unless it is one of `unknown_recipients`."""
        if address in self.unknown_recipients:
            return "550 no such user: 4711 of SURNAME"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - named by aiosmtpd
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Store a mail."""
        self.mails.append(envelope)
        return "250 OK"

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: Any
    ) -> AuthResult:
        success = login == LoginPassword(self.user.encode(), self.password.encode())
        self.logins.append(success)
        return AuthResult(success=success, handled=False)
