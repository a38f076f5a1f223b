"""The configuration: frozen sections read from YAML, then from the environment.

Every key stands, with a comment, in `config.yaml`. Unknown keys are refused, so that a typing
error never turns into a silent default. Environment variables override the file:
`OSTEOSCREEN__DICOM__PORT=11112` sets `dicom.port`.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ByteSize,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from node.config_peers import PROTOCOLS, AnyDestination, Caller, ServerTls, Syslog
from node.config_values import AETitle, Fraction, Port, Seconds, Section, Threshold
from node.strict_yaml import read_mapping

ENV_PREFIX = "OSTEOSCREEN__"
_MOST_GIVEN = 200  # characters of a value in a message


class ConfigError(Exception):
    """The configuration cannot be used; each line of the message names a key and the remedy."""


class Dicom(Section):
    """The listening side."""

    ae_title: AETitle = "OSTEOSCREEN"
    bind: str = "127.0.0.1"
    port: Port = 11112
    processes: int = Field(2, ge=1, le=64)
    callers: tuple[Caller, ...] = ()
    max_associations: int = Field(50, ge=1)
    max_associations_per_peer: int = Field(25, ge=1)
    max_object: ByteSize = ByteSize(512 * 1024**2)
    artim_timeout: Seconds = 30.0
    dimse_timeout: Seconds = 60.0
    idle_timeout: Seconds = 60.0
    tls: ServerTls | None = None


class Database(Section):
    """The job table."""

    url: str = "sqlite:///var/osteoscreen.db"


class Spool(Section):
    """Where bytes lie."""

    path: Path = Path("var/spool")
    min_free: ByteSize = ByteSize(1024**3)
    resume_free: ByteSize | None = None

    @model_validator(mode="after")
    def _resume_above_minimum(self) -> Self:
        if self.resume_free is not None and self.resume_free < self.min_free:
            raise ValueError("resume_free is less than min_free; set it higher, or null")
        return self


class Model(Section):
    """The bundle that scores films."""

    bundle: str = "demo"
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    batch: int = Field(4, ge=1, le=256)
    threads: int = Field(0, ge=0)
    decoders: int = Field(0, ge=0, le=256)


class Results(Section):
    """How results are encoded."""

    sr_class: Literal["comprehensive3d", "comprehensive"] = "comprehensive3d"
    series_number_report: int = Field(9901, ge=1)
    series_number_heatmap: int = Field(9902, ge=1)
    series_number_text: int = Field(9903, ge=1)
    heatmap_max_side: int = Field(2048, ge=256, le=8192)
    language: Literal["en", "zh"] = "en"
    font: Path | None = None

    @model_validator(mode="after")
    def _series_apart(self) -> Self:
        """An archive sorts by these; two objects of one number could not be told apart."""
        numbers = (self.series_number_report, self.series_number_heatmap, self.series_number_text)
        if len(set(numbers)) < len(numbers):
            raise ValueError("series_number_report, _heatmap and _text must differ from each other")
        return self


class Admit(Section):
    """Which films are scored."""

    modalities: tuple[str, ...] = ("CR", "DX", "RG")
    body_parts: tuple[str, ...] = ("CHEST", "THORAX", "RIBCAGE", "LUNG")
    views: tuple[str, ...] = ("PA", "AP")
    unknown_view: bool = True
    min_age: float = Field(50.0, ge=0, le=120)
    unknown_age: bool = True
    min_matrix: int = Field(256, ge=16)
    max_matrix: int = Field(12000, ge=16)


class Override(Section):
    """A threshold for some films."""

    threshold: Fraction
    sex: Literal["M", "F", "O"] | None = None
    min_age: float | None = Field(None, ge=0, le=120)
    max_age: float | None = Field(None, ge=0, le=120)
    calling_ae: AETitle | None = None


class Policy(Section):
    """From score to decision."""

    threshold: Threshold = "youden"
    overrides: tuple[Override, ...] = ()
    admit: Admit = Admit()


class Retry(Section):
    """How often, and after what waits, a failed step is tried again."""

    attempts: int = Field(ge=1)
    first: Seconds
    cap: Seconds


class Queue(Section):
    """How roles take work from the job table."""

    poll: Seconds = 0.25
    lease: Seconds = 60.0
    alarm: int = Field(500, ge=1)
    analysis: Retry = Retry(attempts=3, first=2.0, cap=60.0)
    delivery: Retry = Retry(attempts=1000, first=2.0, cap=600.0)


class Retention(Section):
    """How long bytes and rows stay after the last delivery."""

    films: timedelta = timedelta(days=7)
    results: timedelta = timedelta(days=7)
    rows: timedelta = timedelta(days=365)


class Schedule(Section):
    """How often upkeep looks."""

    rescue: Seconds = 5.0
    commitments: Seconds = 30.0
    watch: Seconds = 30.0
    purge: Seconds = 3600.0


class Audit(Section):
    """The audit trail."""

    file: Path | None = Path("var/audit.log")
    source: str | None = Field(None, min_length=1, max_length=64)
    syslog: Syslog | None = None

    @model_validator(mode="after")
    def _what_is_shipped_is_written(self) -> Self:
        """A server that is down must lose nothing: what it gets comes from the file."""
        if self.syslog is not None and self.file is None:
            raise ValueError("syslog without file: name the file that is to be shipped")
        return self


class Log(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


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
    results: Results = Results()
    policy: Policy = Policy()
    queue: Queue = Queue()
    retention: Retention = Retention()
    schedule: Schedule = Schedule()
    audit: Audit = Audit()
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
        if name.startswith(ENV_PREFIX) and section not in Config.model_fields:
            raise ConfigError(f"{name}: the environment names no section {section!r}")


def _explain(error: ValidationError) -> str:
    """Return one line for each fault: the key, what is wrong, what was given."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"] if part not in PROTOCOLS)
        if fault["type"] == "extra_forbidden":
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
    if "/" in config.model.bundle:
        bundle = str(base / config.model.bundle)
        updates["model"] = config.model.model_copy(update={"bundle": bundle})
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
