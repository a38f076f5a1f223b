"""Read the YAML files of a bundle."""

from __future__ import annotations

from typing import Any

import yaml


def read_yaml(text: str) -> Any:
    """Parse a YAML text. Raises ValueError with a short description of the fault."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError("not YAML") from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML raises these for an invalid date or number.
        raise ValueError(f"not readable: {type(error).__name__} in a value") from error
