"""The data sets of the Storage Commitment Push Model (PS3.4 Annex J)."""

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.uid import UID

from node.domain.errors import Permanent
from node.domain.workflow.delivery import CommitmentReport

PUSH_MODEL = UID("1.2.840.10008.1.20.1")
PUSH_MODEL_INSTANCE = UID("1.2.840.10008.1.20.1.1")
_UNSTATED_REASON = 0x0110  # "processing failure", for a report without a reason


def request_of(transaction_uid: str, objects: Sequence[tuple[str, str]]) -> Dataset:
    """Return the N-ACTION information for (SOP Class, SOP Instance) pairs."""
    request = Dataset()
    request.TransactionUID = transaction_uid
    request.ReferencedSOPSequence = []
    for sop_class, sop_instance in objects:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = sop_instance
        request.ReferencedSOPSequence.append(item)
    return request


def read_report(information: Dataset) -> CommitmentReport:
    """Return the report of an N-EVENT-REPORT; raise Permanent if it is malformed."""
    try:
        return CommitmentReport(
            transaction_uid=str(information.TransactionUID),
            committed=tuple(
                str(item.ReferencedSOPInstanceUID)
                for item in information.get("ReferencedSOPSequence", ())
            ),
            failed={
                str(item.ReferencedSOPInstanceUID): int(item.get("FailureReason", _UNSTATED_REASON))
                for item in information.get("FailedSOPSequence", ())
            },
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Permanent("the commitment report is malformed") from error
