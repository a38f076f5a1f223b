"""What an audit trail tells of this node: who sent what, who was turned away, what went where.

The events are those of PS3.15 A.5.3 that a node without users of its own can see. None of them
holds anything of a patient: a study is named by its UID alone, as in the job table.
"""

from dataclasses import dataclass
from enum import IntEnum

from node.domain.config_change import SettingChange


class Outcome(IntEnum):
    """EventOutcomeIndicator (PS3.15 A.5.1.1), and what it means here."""

    SUCCESS = 0
    MINOR = 4  # this one object or caller was refused; the node itself is well
    SERIOUS = 8  # the node could not do its work: no room, no database, attempts spent
    MAJOR = 12  # the node is no longer available


@dataclass(frozen=True, slots=True)
class Peer:
    """Another application: its AE title, empty where it has none, and its address or host name."""

    ae_title: str
    address: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One SOP Instance. UIDs are empty where a data set that cannot be read does not tell them."""

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class ApplicationStarted:
    """The node, or one role of it, takes up work."""

    outcome: Outcome = Outcome.SUCCESS


@dataclass(frozen=True, slots=True)
class ApplicationStopped:
    """It has ended: as it was asked to, or by itself."""

    outcome: Outcome = Outcome.SUCCESS


@dataclass(frozen=True, slots=True)
class AssociationRefused:
    """A peer asked for an association and was not let in.

    AE titles are empty where it did not come so far as to name them, as in a failed TLS handshake.
    """

    peer: Peer
    called_ae: str
    why: str
    outcome: Outcome = Outcome.MINOR


@dataclass(frozen=True, slots=True)
class FilmReceived:
    """A C-STORE was answered. `known` says that the very film was here already."""

    peer: Peer
    film: Instance
    known: bool = False
    outcome: Outcome = Outcome.SUCCESS
    why: str = ""


@dataclass(frozen=True, slots=True)
class ResultExported:
    """A destination has stored a result, or will not get it: then `outcome` is no success."""

    peer: Peer
    result: Instance
    outcome: Outcome = Outcome.SUCCESS
    why: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """The settings with these keys have changed, since the last start or by a reload.

    A reload also has `requested_by`, a user or what triggered it, and the values of each change.
    """

    keys: tuple[str, ...]
    outcome: Outcome = Outcome.SUCCESS
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
