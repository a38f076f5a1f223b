"""The three families of errors, to which adapters map every error of a library.

Each message is one line that tells an operator what to do, and contains no patient data.
"""


class OsteoScreenError(Exception):
    """Base class of the errors that this program raises."""


class Transient(OsteoScreenError):
    """An error that a later attempt may avoid, such as a PACS that is down or a locked database."""


class Unreachable(Transient):
    """Raised if no connection to a peer can be opened."""


class AssociationRejected(Unreachable):
    """Raised if a peer rejects the node's AE title or address."""


class Permanent(OsteoScreenError):
    """An error that recurs at every attempt, such as a refused SOP Class or damaged bytes."""


class Misconfigured(Permanent):
    """An error in the configuration; the message usually begins with the key of the setting."""


class Rejected(OsteoScreenError):
    """Raised if an intact film cannot be scored, because of the policy or of its pixels."""

    def __init__(self, reason: str, text: str) -> None:
        # Both arguments are passed on: the error must survive pickling between processes.
        super().__init__(reason, text)
        self.reason = reason
        self.text = text

    def __str__(self) -> str:
        return self.text
