"""Log events as JSON or for the console, without patient data.

An event has a short name and bound facts (`job_id`, `calling_ae`); names, identifiers and
birth dates of patients never enter one, and `drop_patient_data` is the last guard.
"""

import logging
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

PATIENT_KEYS = frozenset(
    {
        "patient_name",
        "patient_id",
        "patient_birth_date",
        "accession_number",
        "other_patient_ids",
        "dataset",
        "ds",
    }
)
# Control characters, separators of lines, marks of reading direction, halves of characters.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def drop_patient_data(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """Remove what could tell who a patient is."""
    return {key: value for key, value in event.items() if key not in PATIENT_KEYS}


def make_printable(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """Keep a peer's text from moving the cursor, starting a line or turning the reading order."""
    return {key: printable(one) if isinstance(one, str) else one for key, one in event.items()}


def printable(text: str) -> str:
    """Return a text for a terminal: what is no visible character becomes its escape."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def configure(level: str, form: str, **bound: str) -> None:
    """Set up structlog to write one line an event to stderr, and silence the libraries.

    `bound` facts, such as the role, are part of every event of this process. It may be called
    again, for another level.
    """
    rendering: list[Any] = (
        [structlog.processors.JSONRenderer()]
        if form == "json"
        # The console's renderer writes text as it is, and a peer may have chosen it.
        else [make_printable, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            # Not by contextvars: those do not reach the threads of associations and couriers.
            lambda _logger, _method, event: {**bound, **event},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            drop_patient_data,
            *rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,  # the level may be another one later
    )
    # Libraries quote header values in their warnings and in the tracebacks they log. What
    # matters of it is an event of ours.
    warnings.simplefilter("ignore")
    logging.disable()  # whatever level a library sets for itself when it is imported
    # A thread of a library that ends by an error would print it, message and all.
    threading.excepthook = _tell_of_thread


def _tell_of_thread(ended: threading.ExceptHookArgs) -> None:
    error = ended.exc_value
    place = where(error) if error is not None else "unknown"
    structlog.get_logger().error("unexpected_error", error=ended.exc_type.__name__, where=place)


def where(error: BaseException) -> str:
    """Return the file and line that raised an error, without its message or its values."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"


def describe_unexpected(error: BaseException) -> str:
    """Return an error's class, file and line. Its message may quote a header and is left out."""
    return f"unexpected {type(error).__name__} at {where(error)}"
