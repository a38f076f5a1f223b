"""The events of the audit trail: lifecycle, refused associations, films, results, configuration.

The events are those of PS3.15 A.5.3 that apply to a node without user accounts. No event contains
patient data, and a study is identified only by its UID.
"""

from dataclasses import dataclass
from enum import IntEnum

from node.domain.config_change import SettingChange


class AuditOutcome(IntEnum):
    """The EventOutcomeIndicator (PS3.15 A.5.1.1) of an event of the node."""

    SUCCESS = 0
    MINOR = 4  # one object or caller was refused; the node works
    SERIOUS = 8  # the node failed: disk full, no database, no attempts left
    MAJOR = 12  # the node is no longer available


@dataclass(frozen=True, slots=True)
class Peer:
    """Another application, with its AE title, which may be empty, and its address or host name."""

    ae_title: str
    address: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A SOP Instance; a UID that cannot be read from the data set is empty."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationStarted:
    """The node, or a role without a supervisor, has started."""

    outcome: AuditOutcome = AuditOutcome.SUCCESS


@dataclass(frozen=True, slots=True)
class ApplicationStopped:
    """The node, or a role without a supervisor, has ended; after an error, the outcome is MAJOR."""

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
    """A C-STORE was answered; `duplicate` is true if the node already had this film."""

    peer: Peer
    film: Instance
    duplicate: bool = False
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ResultExported:
    """A destination has stored a result, or, if `outcome` is SERIOUS, the delivery has failed."""

    peer: Peer
    result: Instance
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """Settings have changed since the last start or by a reload; `keys` names the settings.

    For a reload, `requested_by` names the user or the trigger, and `changes` contains the old and
    the new values.
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
