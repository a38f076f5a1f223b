"""Errors that `osteoscreen model` reports as one line, without a traceback."""


class InputError(ValueError):
    """A file or option of the user cannot be used. The message states what to do."""


class ProcessingError(RuntimeError):
    """A command failed although its input is usable. The message states cause and remedy."""
