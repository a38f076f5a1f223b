"""The peers of the configuration: who may send films, and who gets results and the audit trail."""

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

from node.config.types import AETitle, CharacterSet, Name, Port, Seconds, Section
from node.domain.workflow.delivery import ResultKind, SendCondition, SrClass


class CallerSection(Section):
    """A peer that may send films."""

    ae_title: AETitle = "*"
    network: IPvAnyNetwork
    assume_charset: CharacterSet = ""


class Tls(Section):
    """TLS to a peer. Without `ca`, whom the operating system trusts."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _key_belongs_to_certificate(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise ValueError("key without certificate: name both, or neither")
        return self


class ServerTls(Section):
    """TLS from callers. With `ca`, they must show a certificate that it has signed."""

    certificate: Path
    key: Path | None = None
    ca: Path | None = None


class Syslog(Section):
    """A syslog server that receives the audit trail by TLS (RFC 5425)."""

    host: str = Field(min_length=1)
    port: Port = 6514
    timeout: Seconds = 10.0
    tls: Tls = Tls()


class _Destination(Section):
    """What every destination has."""

    name: Name
    send: tuple[ResultKind, ...] = (ResultKind.REPORT, ResultKind.HEATMAP)
    sr_class: SrClass | None = None
    when: SendCondition = SendCondition.ALWAYS
    shadow: bool = False
    timeout: Seconds = 30.0
    tls: Tls | None = None


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
    def _one_way_in(self) -> Self:
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("user and password_file belong together: name both, or neither")
        if self.user and self.token_file is not None:
            raise ValueError("a user or a token_file, not both")
        return self


def _protocol(given: Any) -> str:
    has_url = "url" in given if isinstance(given, dict) else hasattr(given, "url")
    return PROTOCOLS[1] if has_url else PROTOCOLS[0]


PROTOCOLS = ("dimse", "dicomweb")
"""What tells the kinds of destination apart; no key of theirs has these names."""

AnyDestination = Annotated[
    Annotated[Destination, Tag(PROTOCOLS[0])] | Annotated[WebDestination, Tag(PROTOCOLS[1])],
    Discriminator(_protocol),
]
