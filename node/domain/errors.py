"""The three families of failure. Adapters map every library error to one of them.

The message of each is one line that an operator can act on, and carries no patient data.
"""


class OsteoScreenError(Exception):
    """What this program raises on purpose."""


class Transient(OsteoScreenError):
    """May succeed if tried again: a PACS that is down, a database that is locked."""


class Unreachable(Transient):
    """A peer that cannot be talked to at all, whatever one has to say to it."""


class NotLetIn(Unreachable):
    """A peer that answers and does not know our AE title, or not from this address."""


class Permanent(OsteoScreenError):
    """Fails the same way every time: a refused SOP Class, bytes that do not verify."""


class Misconfigured(Permanent):
    """The configuration asks for what is not there; the message begins with the key."""


class Rejected(OsteoScreenError):
    """The film is intact, and policy or its pixels say that it must not be scored."""

    def __init__(self, reason: str, text: str) -> None:
        # Both arguments, so that the error survives its way out of another process.
        super().__init__(reason, text)
        self.reason = reason
        self.text = text

    def __str__(self) -> str:
        return self.text
