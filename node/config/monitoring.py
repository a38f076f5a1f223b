"""The section `drift` of the configuration: what is measured of sources, and who is told."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, HttpUrl, model_validator

from node.config.peers import Tls
from node.config.types import Port, Seconds, Section


def _zone(name: str) -> str:
    """Check a time zone's name by the machine's own list."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            "no time zone of this machine's list, such as Asia/Shanghai; "
            "where the list itself is missing, install Debian's tzdata"
        ) from None
    return name


def _address(value: str) -> str:
    """Check a mail address as far as a header and an SMTP command must trust it."""
    name, at, host = value.rpartition("@")
    plain = all("!" <= c <= "~" and c not in '<>,;:"\\()[]' for c in value)
    if not (name and at and host and plain):
        raise ValueError("a mail address is name@host, in ASCII and without a display name")
    return value


TimeZone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]


class Reference(Section):
    """What a source's films are compared with."""

    days: int = Field(28, ge=1, le=366)
    films: int = Field(200, ge=50, le=100_000)
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def _whole_range(self) -> Self:
        if (self.since is None) != (self.until is None):
            raise ValueError("since and until belong together: state both, or neither")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise ValueError("since is after until: no film is in between")
        return self


class Webhook(Section):
    """Who is told of alarms by HTTP POST."""

    url: HttpUrl
    token_file: Path | None = None
    secret_file: Path | None = None
    timeout: Seconds = 10.0
    tls: Tls = Tls()

    @model_validator(mode="after")
    def _token_in_secret(self) -> Self:
        if self.token_file is not None and self.url.scheme != "https":
            raise ValueError("a token is sent by TLS alone: let url begin with https")
        return self


class Mail(Section):
    """Who is told of alarms by mail."""

    host: str = Field(min_length=1)
    port: Port = 587
    starttls: bool = True
    user: str = ""
    password_file: Path | None = None
    sender: Address
    recipients: tuple[Address, ...] = Field(min_length=1)
    timeout: Seconds = 10.0
    tls: Tls = Tls()

    @model_validator(mode="after")
    def _login_whole_and_in_secret(self) -> Self:
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("user and password_file belong together: name both, or neither")
        if self.user and not self.starttls:
            raise ValueError("a password is sent by TLS alone: set starttls to true")
        return self


class DriftAlarms(Section):
    """From what on a figure is an alarm, and who is told."""

    psi: float | None = Field(0.25, gt=0.0)
    ks: Share | None = None
    admitted: Share | None = 0.2
    failed: Share | None = 0.05
    flagged: Share | None = 0.1
    age_median: float | None = Field(5.0, gt=0.0)
    women: Share | None = 0.2
    silent: timedelta | None = Field(timedelta(hours=4), gt=timedelta(0))
    webhook: Webhook | None = None
    mail: Mail | None = None


class Drift(Section):
    """Whether sources of films are still what they were."""

    window: int = Field(14, ge=1, le=366)
    films: int = Field(200, ge=50, le=100_000)
    reference: Reference = Reference()
    alarms: DriftAlarms = DriftAlarms()
    time_zone: TimeZone | None = None
    metrics_file: Path | None = None
