"""The events of the audit trail: lifecycle, refused associations, films, results, configuration.

They are those events of PS3.15 A.5.3 that concern a node without user accounts. No event contains
patient data. A study is identified by its UID only.
"""

from dataclasses import dataclass
from enum import IntEnum

from node.domain.config_change import SettingChange


class AuditOutcome(IntEnum):
    """EventOutcomeIndicator (PS3.15 A.5.1.1), and its meaning here."""

    SUCCESS = 0
    MINOR = 4  # one object or caller was refused; the node works
    SERIOUS = 8  # the node failed: disk full, no database, no attempts left
    MAJOR = 12  # the node is no longer available


@dataclass(frozen=True, slots=True)
class Peer:
    """Another application: its AE title, empty if it has none, and its address or host name."""

    ae_title: str
    address: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One SOP Instance. UIDs are empty if they cannot be read from the data set."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationStarted:
    """The node, or a role without a supervisor, has started."""

    outcome: AuditOutcome = AuditOutcome.SUCCESS


@dataclass(frozen=True, slots=True)
class ApplicationStopped:
    """The node, or a role without a supervisor, has ended. An error that ended it is MAJOR."""

    outcome: AuditOutcome = AuditOutcome.SUCCESS


@dataclass(frozen=True, slots=True)
class AssociationRefused:
    """The node refused the association of a peer.

    AE titles are empty if the peer did not send them, for example after a failed TLS handshake.
    """

    peer: Peer
    called_ae: str
    reason: str
    outcome: AuditOutcome = AuditOutcome.MINOR


@dataclass(frozen=True, slots=True)
class FilmReceived:
    """A C-STORE was answered. `duplicate` is whether the node had received this film before."""

    peer: Peer
    film: Instance
    duplicate: bool = False
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResultExported:
    """A destination has stored a result. If it will not receive it, `outcome` is SERIOUS."""

    peer: Peer
    result: Instance
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """The settings with these keys have changed, since the last start or by a reload.

    A reload also has `requested_by`, a user or what triggered it, and the values of each change.
    """

    keys: tuple[str, ...]
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    requested_by: str = ""
    changes: tuple[SettingChange, ...] = ()


AuditEvent = (
    ApplicationStarted
    | ApplicationStopped
    | AssociationRefused
    | FilmReceived
    | ResultExported
    | ConfigurationChanged
)
