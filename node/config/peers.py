"""Sections for peers: senders, destinations, and the syslog server."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    HttpUrl,
    IPvAnyNetwork,
    Tag,
    model_validator,
)

from node.config.types import AETitle, CharacterSet, ConfigSection, Name, Port, Seconds
from node.domain.workflow.delivery import ResultKind, SendCondition, SrClass


class CallerSection(ConfigSection):
    """An allowed sender."""

    ae_title: AETitle = "*"
    network: IPvAnyNetwork
    assume_charset: CharacterSet = ""


class TlsSection(ConfigSection):
    """TLS to a peer; without `ca`, the authorities of the operating system are trusted."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _key_belongs_to_certificate(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise ValueError("key without certificate: set both, or neither")
        return self


class ServerTlsSection(ConfigSection):
    """TLS from senders; with `ca`, senders need a certificate signed by this authority."""

    certificate: Path
    key: Path | None = None
    ca: Path | None = None


class SyslogSection(ConfigSection):
    """A syslog server that receives the audit trail by TLS (RFC 5425)."""

    host: str = Field(min_length=1)
    port: Port = 6514
    timeout: Seconds = 10.0
    tls: TlsSection = TlsSection()


class _Destination(ConfigSection):
    """Keys of every destination."""

    name: Name
    send: tuple[ResultKind, ...] = (ResultKind.REPORT, ResultKind.HEATMAP)
    sr_class: SrClass | None = None
    when: SendCondition = SendCondition.ALWAYS
    shadow: bool = False
    timeout: Seconds = 30.0
    tls: TlsSection | None = None


class Destination(_Destination):
    """A PACS that receives results by C-STORE."""

    ae_title: AETitle
    host: str = Field(min_length=1)
    port: Port
    commitment: bool = False
    commitment_timeout: timedelta = timedelta(minutes=10)
    compress: Literal["none", "jpeg2000"] = "none"


class WebDestination(_Destination):
    """An archive that receives results by DICOMweb (STOW-RS, PS3.18)."""

    url: HttpUrl
    user: str = ""
    password_file: Path | None = None
    token_file: Path | None = None

    @model_validator(mode="after")
    def _single_credential(self) -> Self:
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("user and password_file belong together: set both, or neither")
        if self.user and self.token_file is not None:
            raise ValueError("set either user or token_file, not both")
        return self


def _protocol(value: Any) -> str:
    has_url = "url" in value if isinstance(value, dict) else hasattr(value, "url")
    return PROTOCOLS[1] if has_url else PROTOCOLS[0]


PROTOCOLS = ("dimse", "dicomweb")
"""Tags for the kinds of destinations, which are not keys of the configuration."""

AnyDestination = Annotated[
    Annotated[Destination, Tag(PROTOCOLS[0])] | Annotated[WebDestination, Tag(PROTOCOLS[1])],
    Discriminator(_protocol),
]
