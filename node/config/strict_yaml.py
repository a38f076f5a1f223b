"""Read the YAML 1.1 of a configuration file, without duplicate keys and without aliases."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tokens import AliasToken

_VERSION = (1, 1)
_QUOTED = re.compile('"[^"]*"')


_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Exceptions that the YAML library raises for invalid values."""


class _Alias(ValueError):
    """Raised if the file contains an alias."""


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the top-level mapping of a file, or an empty mapping for an empty file.

    Raises OSError, or ValueError with one line that names the fault and its location.
    """
    text = path.read_bytes()
    try:
        _refuse_aliases(text)
        content = _parser().load(text)
    except (*_FAULTS, YAMLError, RecursionError) as error:
        raise ValueError(f"not valid YAML{_fault_text(error)}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"contains a {type(content).__name__}, not sections with keys")
    if not all(isinstance(key, str) for key in content):
        raise ValueError("not valid YAML: the name of a section is not a text")
    return content


def _fault_text(error: BaseException) -> str:
    """Return the fault and its line, as an addition to the text "not valid YAML"."""
    match error:
        case _Alias():
            return f", {error}"
        case DuplicateKeyError():
            key = _QUOTED.search(str(error.problem))
            name = key[0] if key else ""
            return f", line {_line(error)}: the key {name} is written twice; delete one"
        case MarkedYAMLError():
            return f", line {_line(error)}: {error.problem}"
        case ReaderError() | UnicodeDecodeError():
            return f": {error.reason}"
        case RecursionError():
            return ": nested too deep"
    return f": {type(error).__name__} in a value"  # an invalid date or number


def _parser() -> YAML:
    parser = YAML(typ="safe", pure=True)
    parser.version = _VERSION
    return parser


def _refuse_aliases(text: bytes) -> None:
    """Refuse aliases, because a few lines of aliases can expand to gigabytes."""
    for token in _parser().scan(text):
        if isinstance(token, AliasToken):
            line = token.start_mark.line + 1
            raise _Alias(f"line {line}: an alias (*name) is not allowed; write the value out")


def _line(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return str(mark.line + 1) if mark else "unknown"
