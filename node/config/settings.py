"""The configuration: frozen sections read from YAML, then from the environment.

Every key stands, with a comment, in `config.yaml`. Unknown keys are refused, so that a typing
error never turns into a silent default. Environment variables override the file:
`OSTEOSCREEN__DICOM__PORT=11112` sets `dicom.port`.
"""

import os
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

from node.config.monitoring import Drift
from node.config.peers import PROTOCOLS, AnyDestination
from node.config.sections import (
    AuditSection,
    ChallengerSection,
    Database,
    Dicom,
    Log,
    Model,
    Policy,
    Queue,
    Results,
    Retention,
    Schedule,
    Spool,
)
from node.config.strict_yaml import read_mapping

ENV_PREFIX = "OSTEOSCREEN__"
_DAYS_A_MONTH = 30
_RENAMED = {"canary": "challenger"}
"""Sections under their old names, each with its present one."""
_MOST_GIVEN = 200  # characters of a value in a message


class ConfigError(Exception):
    """The configuration cannot be used; each line of the message names a key and the remedy."""


class Config(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
    )

    dicom: Dicom = Dicom()
    destinations: tuple[AnyDestination, ...] = ()
    database: Database = Database()
    spool: Spool = Spool()
    model: Model = Model()
    challenger: ChallengerSection | None = None
    results: Results = Results()
    policy: Policy = Policy()
    queue: Queue = Queue()
    retention: Retention = Retention()
    schedule: Schedule = Schedule()
    drift: Drift = Drift()
    audit: AuditSection = AuditSection()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file."""
        return env_settings, init_settings


def load(path: Path | None) -> Config:
    """Read a configuration file, or the defaults where there is none, and the environment.

    Relative paths inside are relative to the file's folder, or to the working folder.
    """
    base = path.parent if path else Path()
    values = _read(path) if path else {}
    _refuse_unknown_sections()
    try:
        config = Config(**values)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None
    except SettingsError as error:
        raise ConfigError(f"environment: {error}; set single keys instead") from None
    names = [d.name for d in config.destinations]
    if len(set(names)) != len(names):
        raise ConfigError("destinations: two have the same name; give each its own")
    if config.retention.rows < timedelta(days=_DAYS_A_MONTH * config.policy.prior.months):
        raise ConfigError(
            f"policy.prior.months: {config.policy.prior.months} months are more than rows are "
            "kept for; lower it, or raise retention.rows"
        )
    kept = config.retention.rows >= timedelta(days=config.drift.window)
    if not kept and "window" in config.drift.model_fields_set:
        raise ConfigError(
            f"drift.window: {config.drift.window} days are more than rows are kept for; "
            "lower it, or raise retention.rows"
        )
    return _anchored(config, base.resolve())


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_mapping(path)
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise ConfigError(f"{path}: {reason}; name a file with --config") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def _refuse_unknown_sections() -> None:
    """Catch what pydantic-settings passes over: a variable that names no section."""
    for name in os.environ:
        section = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        if name.startswith(ENV_PREFIX) and section in _RENAMED:
            raise ConfigError(f"{name}: section {section} was renamed {_RENAMED[section]}")
        if name.startswith(ENV_PREFIX) and section not in Config.model_fields:
            raise ConfigError(f"{name}: the environment names no section {section!r}")


def _explain(error: ValidationError) -> str:
    """Return one line for each fault: the key, what is wrong, what was given."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"] if part not in PROTOCOLS)
        if new_name := _RENAMED.get(key.split(".")[0]):
            lines.append(f"{key}: this section was renamed {new_name}; rename it in the file")
        elif fault["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown key; see config.yaml for the keys there are")
        elif fault["type"] == "missing":
            lines.append(f"{key}: required and missing")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            lines.append(f"{key}: {message} (given: {_cut(repr(fault['input']))})")
    return "\n".join(lines)


def _cut(given: str) -> str:
    """Return enough of a value to know it by."""
    return given if len(given) <= _MOST_GIVEN else f"{given[:_MOST_GIVEN]}..."


def _anchored(config: Config, base: Path) -> Config:
    """Make the relative paths of a configuration absolute."""
    updates = _paths_of(config, base)
    prefix = "sqlite:///"
    if config.database.url.startswith(prefix):
        path = base / config.database.url.removeprefix(prefix)
        updates["database"] = Database(url=f"{prefix}{path}")
    for name, section in (("model", config.model), ("challenger", config.challenger)):
        if section is not None and "/" in section.bundle:
            bundle = str(base / section.bundle)
            updates[name] = section.model_copy(update={"bundle": bundle})
    return config.model_copy(update=updates)


def _paths_of(section: BaseModel, base: Path) -> dict[str, Any]:
    """Return the fields of a section that are paths, or hold some, with these made absolute."""
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
    return tuple(_path_at(one, base) for one in value) if isinstance(value, tuple) else value
