"""Load the configuration from a YAML file and the environment.

Unknown keys are refused, so that a typing error does not lead to a default value. An environment
variable such as `OSTEOSCREEN__DICOM__PORT=11112` overrides the key `dicom.port` of the file.
"""

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from node.config.monitoring import DriftSection
from node.config.peers import PROTOCOLS, AnyDestination
from node.config.sections import (
    AuditSection,
    ChallengerSection,
    DatabaseSection,
    DicomSection,
    LogSection,
    ModelSection,
    PolicySection,
    QueueSection,
    ResultsSection,
    RetentionSection,
    ScheduleSection,
    SpoolSection,
)
from node.config.strict_yaml import read_mapping

ENV_PREFIX = "OSTEOSCREEN__"
_DAYS_A_MONTH = 30
_RENAMED = {"canary": "challenger"}
"""Maps the old name of a section to the new name."""
_MAX_VALUE = 200  # characters of a value in a message


class ConfigError(Exception):
    """An error in the configuration; each line of the message names a key and the remedy."""


class Config(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
    )

    dicom: DicomSection = DicomSection()
    destinations: tuple[AnyDestination, ...] = ()
    database: DatabaseSection = DatabaseSection()
    spool: SpoolSection = SpoolSection()
    model: ModelSection = ModelSection()
    challenger: ChallengerSection | None = None
    results: ResultsSection = ResultsSection()
    policy: PolicySection = PolicySection()
    queue: QueueSection = QueueSection()
    retention: RetentionSection = RetentionSection()
    schedule: ScheduleSection = ScheduleSection()
    drift: DriftSection = DriftSection()
    audit: AuditSection = AuditSection()
    log: LogSection = LogSection()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give the environment priority over the file."""
        return env_settings, init_settings


def load(path: Path | None) -> Config:
    """Load a configuration file (None: the defaults) and the environment, or raise ConfigError.

    Relative paths start at the folder of the file, or at the working folder.
    """
    base = path.parent if path else Path()
    values = _read(path) if path else {}
    _refuse_unknown_sections()
    try:
        config = Config(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error, path)) from None
    except SettingsError as error:
        raise ConfigError(f"environment: {error}; set single keys instead") from None
    file = _prefix(path)
    names = [d.name for d in config.destinations]
    if len(set(names)) != len(names):
        raise ConfigError(f"{file}destinations: two have the same name; rename one")
    if config.retention.rows < timedelta(days=_DAYS_A_MONTH * config.policy.prior.months):
        raise ConfigError(
            f"{file}policy.prior.months: {config.policy.prior.months} months exceed "
            "retention.rows; lower it, or raise retention.rows"
        )
    is_covered = config.retention.rows >= timedelta(days=config.drift.window)
    if not is_covered and "window" in config.drift.model_fields_set:
        raise ConfigError(
            f"{file}drift.window: {config.drift.window} days exceed retention.rows; "
            "lower it, or raise retention.rows"
        )
    return _with_absolute_paths(config, base.resolve())


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_mapping(path)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigError(f"{path}: {reason}; name a file with --config") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def _refuse_unknown_sections() -> None:
    """Refuse an environment variable with an unknown section, which pydantic-settings ignores."""
    for name in os.environ:
        section = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        if name.startswith(ENV_PREFIX) and section in _RENAMED:
            raise ConfigError(f"{name}: section {section} was renamed {_RENAMED[section]}")
        if name.startswith(ENV_PREFIX) and section not in Config.model_fields:
            raise ConfigError(f"{name}: there is no section {section!r}; see config.yaml")


def _explain(error: ValidationError, path: Path | None) -> str:
    """Return one line for each fault, with file, key, value, and the allowed values."""
    lines = []
    for fault in error.errors():
        key = _key(part for part in fault["loc"] if part not in PROTOCOLS)
        if new_name := _RENAMED.get(key.split(".")[0]):
            lines.append(f"{key}: this section was renamed {new_name}; rename it in the file")
        elif fault["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key; config.yaml lists all keys")
        elif fault["type"] == "missing":
            lines.append(f"{key}: required key is missing")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            value = fault["input"]
            value_text = "" if isinstance(value, dict | list) else f"{_shorten(repr(value))}: "
            lines.append(f"{key}: {value_text}{message}")
    file = _prefix(path)
    return "\n".join(f"{file}{line}" for line in lines)


def _prefix(path: Path | None) -> str:
    return f"{path.name}: " if path else ""


def _key(parts: Iterable[int | str]) -> str:
    """Return the path of a key, such as `destinations[0].port`."""
    texts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return "".join(texts).removeprefix(".")


def _shorten(value: str) -> str:
    """Return the beginning of a long value."""
    return value if len(value) <= _MAX_VALUE else f"{value[:_MAX_VALUE]}..."


def _with_absolute_paths(config: Config, base: Path) -> Config:
    """Return the configuration with absolute paths."""
    updates = _paths_of(config, base)
    prefix = "sqlite:///"
    if config.database.url.startswith(prefix):
        path = base / config.database.url.removeprefix(prefix)
        updates["database"] = DatabaseSection(url=f"{prefix}{path}")
    for name, section in (("model", config.model), ("challenger", config.challenger)):
        if section is not None and "/" in section.bundle:
            bundle = str(base / section.bundle)
            updates[name] = section.model_copy(update={"bundle": bundle})
    return config.model_copy(update=updates)


def _paths_of(section: BaseModel, base: Path) -> dict[str, Any]:
    """Return the path fields of a section, with absolute paths."""
    return {
        name: _path_at(value, base)
        for name, value in section
        if isinstance(value, Path | BaseModel | tuple)
    }


def _path_at(value: Any, base: Path) -> Any:
    if isinstance(value, Path):
        return base / value
    if isinstance(value, BaseModel):
        return value.model_copy(update=_paths_of(value, base))
    return tuple(_path_at(item, base) for item in value) if isinstance(value, tuple) else value
