"""Errors that `osteoscreen model` reports as one line, without a traceback."""


class InputError(ValueError):
    """A file or an option of the user cannot be used. The message has its name and the remedy."""


class ProcessingError(RuntimeError):
    """The work failed on usable input. The message has the cause and the remedy."""
