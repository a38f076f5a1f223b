"""The parts of a bundle that are stored as YAML."""

from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class YamlError(ValueError):
    """The text is not YAML, or a value is not valid. The message contains the field's name."""


class StoredModel(BaseModel):
    """Base class: instances are frozen; unknown keys and infinite numbers are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Model = TypeVar("Model", bound=StoredModel)


def parse_yaml(text: str, kind: type[Model]) -> Model:
    """Parse a YAML text. Raises YamlError with a message of one line."""
    try:
        return kind.model_validate(read_yaml(text))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "content"
        raise YamlError(f"{field}: {first['msg']}") from error


def dump_yaml(model: StoredModel) -> str:
    """Return a model as YAML, with fields in the order of the class."""
    content = model.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def read_yaml(text: str) -> Any:
    """Parse a YAML text. Raises YamlError with a short description of the fault."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise YamlError("not YAML") from error
    except RecursionError as error:
        raise YamlError("nested too deep") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # PyYAML raises these exceptions for an invalid date or number.
        raise YamlError(f"not readable: {type(error).__name__} in a value") from error
