"""The three families of errors. Adapters map every library error to one of them.

Each message is one line that an operator can act on. It contains no patient data.
"""


class OsteoScreenError(Exception):
    """Base class of the errors that this program raises."""


class Transient(OsteoScreenError):
    """An error that may not recur, such as a PACS that is down or a locked database."""


class Unreachable(Transient):
    """A peer to which no connection can be opened."""


class AssociationRejected(Unreachable):
    """A peer that rejects our AE title or address."""


class Permanent(OsteoScreenError):
    """An error that recurs at every attempt, such as a refused SOP Class or damaged bytes."""


class Misconfigured(Permanent):
    """The configuration names something that does not exist; the message begins with the key."""


class Rejected(OsteoScreenError):
    """The film is intact, but must not be scored because of the policy or its pixels."""

    def __init__(self, reason: str, text: str) -> None:
        # Both arguments are passed on: the error must survive pickling between processes.
        super().__init__(reason, text)
        self.reason = reason
        self.text = text

    def __str__(self) -> str:
        return self.text
