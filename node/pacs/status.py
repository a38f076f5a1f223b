"""What the status of a C-STORE means for a delivery (PS3.4, Table B.2-1), pure."""

from node.domain.errors import Permanent, Transient


def classify(status: int, comment: str = "") -> None:
    """Return for a status that counts as stored; raise Transient or Permanent for the rest."""
    if status == 0x0000 or 0xB000 <= status <= 0xBFFF:
        return
    said = f"the destination answered {status:#06x}" + (f" ({comment})" if comment else "")
    if 0xA700 <= status <= 0xA7FF:
        raise Transient(f"{said}: out of resources")
    if status == 0x0122:
        raise Permanent(f"{said}: it does not support the SOP Class")
    if 0xA900 <= status <= 0xA9FF:
        raise Permanent(f"{said}: the data set does not match its SOP Class")
    if 0xC000 <= status <= 0xCFFF:
        raise Permanent(f"{said}: it cannot understand the data set")
    raise Transient(f"{said}: an unexpected status")
