"""The section `drift` of the configuration."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, HttpUrl, model_validator

from node.config.peers import TlsSection
from node.config.types import ConfigSection, Port, Seconds


def _address(value: str) -> str:
    """Check that a mail address is safe in a mail header and an SMTP command."""
    name, at, host = value.rpartition("@")
    plain = all("!" <= c <= "~" and c not in '<>,;:"\\()[]' for c in value)
    if not (name and at and host and plain):
        raise ValueError("a mail address is name@host, in ASCII and without a display name")
    return value


Address = Annotated[str, AfterValidator(_address)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]


class ReferenceSection(ConfigSection):
    """The reference period of drift monitoring."""

    days: int = Field(28, ge=1, le=366)
    films: int = Field(200, ge=50, le=100_000)
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _complete_range(self) -> Self:
        if (self.since is None) != (self.until is None):
            raise ValueError("since and until belong together: set both, or neither")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("since is after until; exchange them")
        return self


class WebhookSection(ConfigSection):
    """A receiver of alarms by HTTP POST."""

    url: HttpUrl
    token_file: Path | None = None
    secret_file: Path | None = None
    timeout: Seconds = 10.0
    tls: TlsSection = TlsSection()

    @model_validator(mode="after")
    def _token_needs_tls(self) -> Self:
        if self.token_file is not None and self.url.scheme != "https":
            raise ValueError("a token needs TLS: url must begin with https")
        return self


class MailSection(ConfigSection):
    """Receivers of alarms by mail."""

    host: str = Field(min_length=1)
    port: Port = 587
    starttls: bool = True
    user: str = ""
    password_file: Path | None = None
    sender: Address
    recipients: tuple[Address, ...] = Field(min_length=1)
    timeout: Seconds = 10.0
    tls: TlsSection = TlsSection()

    @model_validator(mode="after")
    def _login_needs_password_and_tls(self) -> Self:
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("user and password_file belong together: set both, or neither")
        if self.user and not self.starttls:
            raise ValueError("a password needs TLS: set starttls to true")
        return self


class DriftAlarmsSection(ConfigSection):
    """Alarm limits and receivers."""

    psi: float | None = Field(0.25, gt=0.0)
    ks: Share | None = None
    admitted: Share | None = 0.2
    failed: Share | None = 0.05
    flagged: Share | None = 0.1
    age_median: float | None = Field(5.0, gt=0.0)
    women: Share | None = 0.2
    silent: timedelta | None = Field(timedelta(hours=4), gt=timedelta(0))
    webhook: WebhookSection | None = None
    mail: MailSection | None = None


class DriftSection(ConfigSection):
    """Drift monitoring."""

    window: int = Field(14, ge=1, le=366)
    films: int = Field(200, ge=50, le=100_000)
    reference: ReferenceSection = ReferenceSection()
    alarms: DriftAlarmsSection = DriftAlarmsSection()
    time_zone: ZoneInfo | None = None
    metrics_file: Path | None = None
