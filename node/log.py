"""Log events as JSON or for the console, without patient data.

An event has a short name and fields, such as `job_id`. The code logs no names, identifiers or birth
dates of patients. As a safeguard, `drop_patient_data` removes fields that may contain patient data.
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
# Control characters, line separators, marks of reading direction, lone surrogates.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def drop_patient_data(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """Remove fields that could identify a patient."""
    return {key: value for key, value in event.items() if key not in PATIENT_KEYS}


def make_printable(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> Mapping[str, Any]:
    """Escape characters that move the cursor, start a line or change the reading direction."""
    return {
        key: printable(value) if isinstance(value, str) else value for key, value in event.items()
    }


def printable(text: str) -> str:
    """Return a text for a terminal, with invisible characters escaped."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def configure(level: str, form: str, **bound: str) -> None:
    """Set up structlog to write one line for each event to stderr; disable libraries' logs.

    Every event of this process has the `bound` fields, such as the role.
    """
    rendering: list[Any] = (
        [structlog.processors.JSONRenderer()]
        if form == "json"
        # The console renderer does not escape texts, which may come from a peer.
        else [make_printable, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            # Context variables would not reach the threads of associations and workers.
            lambda _logger, _method, event: {**bound, **event},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            drop_patient_data,
            *rendering,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,  # a reload may change the level
    )
    # Warnings and tracebacks of libraries may quote header values.
    warnings.simplefilter("ignore")
    logging.disable()  # also for a library that sets its own level
    # By default, an error that ends a thread is printed with its message.
    threading.excepthook = _log_thread_error


def _log_thread_error(arguments: threading.ExceptHookArgs) -> None:
    error = arguments.exc_value
    place = where(error) if error is not None else "unknown"
    structlog.get_logger().error("unexpected_error", error=arguments.exc_type.__name__, where=place)


def where(error: BaseException) -> str:
    """Return the file and line that raised an error, without the error's message."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"


def describe_unexpected(error: BaseException) -> str:
    """Return an error's class, file and line, without its message, which may quote a header."""
    return f"unexpected {type(error).__name__} at {where(error)}"
