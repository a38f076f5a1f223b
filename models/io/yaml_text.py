"""The parts of a bundle that are words: YAML, or a reason why not."""

from __future__ import annotations

from typing import Any

import yaml


def read_words(text: str) -> Any:
    """Content of the YAML text. Raises ValueError with what the text is instead, in a few words."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError("not YAML") from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML's own, of a date that does not exist, or a number that is none.
        raise ValueError(f"not readable: {type(error).__name__} in a value") from error
