"""The sections of the configuration with their keys and defaults.

`config.yaml` explains each key.
"""

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import ByteSize, Field, model_validator

from node.config.peers import CallerSection, ServerTlsSection, SyslogSection
from node.config.types import (
    AETitle,
    ConfigSection,
    LogOdds,
    PixelRuleKey,
    Port,
    ReportableReasonKey,
    RuleName,
    Seconds,
    Threshold,
)
from node.domain.admission.header_rules import PixelRule
from node.domain.decision.prediction import ScoreKind
from node.domain.decision.prior_studies import RepeatRule
from node.domain.workflow.delivery import SrClass


class DicomSection(ConfigSection):
    """The SCP."""

    ae_title: AETitle = "OSTEOSCREEN"
    bind: str = "127.0.0.1"
    port: Port = 11112
    processes: int = Field(2, ge=1, le=64)
    callers: tuple[CallerSection, ...] = ()
    max_associations: int = Field(50, ge=1)
    max_associations_per_peer: int = Field(25, ge=1)
    max_object: ByteSize = ByteSize(512 * 1024**2)
    artim_timeout: Seconds = 30.0
    dimse_timeout: Seconds = 60.0
    idle_timeout: Seconds = 60.0
    tls: ServerTlsSection | None = None


class DatabaseSection(ConfigSection):
    """The job table."""

    url: str = "sqlite:///var/osteoscreen.db"


class SpoolSection(ConfigSection):
    """The spool."""

    path: Path = Path("var/spool")
    min_free: ByteSize = ByteSize(1024**3)
    resume_free: ByteSize | None = None

    @model_validator(mode="after")
    def _resume_above_minimum(self) -> Self:
        if self.resume_free is not None and self.resume_free < self.min_free:
            raise ValueError("resume_free is less than min_free; set it higher, or null")
        return self


class ModelSection(ConfigSection):
    """The bundle that scores films."""

    bundle: str = "demo"
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    batch: int = Field(4, ge=1, le=256)
    threads: int = Field(0, ge=0)
    decoders: int = Field(0, ge=0, le=256)


class ChallengerSection(ConfigSection):
    """A second bundle that scores the same films for a comparison."""

    bundle: str = Field(min_length=1)
    device: str = Field("cpu", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    batch: int = Field(1, ge=1, le=256)
    threads: int = Field(1, ge=0)
    share: float = Field(1.0, gt=0.0, le=1.0)


class ResultsSection(ConfigSection):
    """Encoding and language of results."""

    sr_class: SrClass = SrClass.COMPREHENSIVE_3D
    series_number_report: int = Field(9901, ge=1)
    series_number_heatmap: int = Field(9902, ge=1)
    series_number_text: int = Field(9903, ge=1)
    heatmap_max_side: int = Field(2048, ge=256, le=8192)
    language: Literal["en", "zh"] = "en"
    font: Path | None = None

    @model_validator(mode="after")
    def _distinct_series(self) -> Self:
        """Require different series numbers, because each kind of result needs its own series."""
        numbers = (self.series_number_report, self.series_number_heatmap, self.series_number_text)
        if len(set(numbers)) < len(numbers):
            raise ValueError("series_number_report, _heatmap and _text must differ from each other")
        return self


class AdmitSection(ConfigSection):
    """Admission rules."""

    modalities: tuple[str, ...] = ("CR", "DX", "RG")
    body_parts: tuple[str, ...] = ("CHEST", "THORAX", "RIBCAGE", "LUNG")
    views: tuple[str, ...] = ("PA", "AP")
    unknown_view: bool = True
    min_age: float = Field(50.0, ge=0, le=120)
    unknown_age: bool = True
    min_matrix: int = Field(256, ge=16)
    max_matrix: int = Field(12000, ge=16)
    min_side: float = Field(100.0, ge=0)
    pixels: PixelRuleKey = PixelRule.OVERRULE
    one_per_study: bool = True
    study_wait: float = Field(5.0, ge=0, le=30)
    report: tuple[ReportableReasonKey, ...] = ()


class OverrideSection(ConfigSection):
    """A threshold or an indeterminate band for a group of films."""

    name: RuleName | None = None
    threshold: Threshold | None = None
    abstain: LogOdds | None = None
    sex: Literal["M", "F", "O"] | None = None
    min_age: float | None = Field(None, ge=0, le=120)
    max_age: float | None = Field(None, ge=0, le=120)
    calling_ae: AETitle | None = None
    station: str | None = Field(None, min_length=1, max_length=16)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.threshold is None and self.abstain is None:
            raise ValueError("an override sets threshold, abstain or both")
        if self.min_age is not None and self.max_age is not None and self.min_age > self.max_age:
            raise ValueError("min_age is above max_age: no film matches")
        return self


class PriorSection(ConfigSection):
    """The rule for prior studies."""

    months: int = Field(0, ge=0, le=120)
    repeat: RepeatRule = RepeatRule.MARK


class PolicySection(ConfigSection):
    """The decision policy."""

    threshold: Threshold = "youden"
    score: ScoreKind = ScoreKind.COMBINED
    abstain: LogOdds = 0.0
    overrides: tuple[OverrideSection, ...] = ()
    prior: PriorSection = PriorSection()
    shadow: bool = False
    admit: AdmitSection = AdmitSection()

    @model_validator(mode="after")
    def _distinct_names(self) -> Self:
        """Require different names of overrides, because reports contain the name of the rule."""
        names = [override.name for override in self.overrides if override.name is not None]
        if len(set(names)) < len(names):
            raise ValueError("two overrides have the same name; rename one")
        return self


class RetrySection(ConfigSection):
    """The number of attempts, and the waits between attempts."""

    attempts: int = Field(ge=1)
    first: Seconds
    cap: Seconds


class QueueSection(ConfigSection):
    """Polling, leases and retries."""

    poll: Seconds = 0.25
    lease: Seconds = 60.0
    alarm: int = Field(500, ge=1)
    analysis: RetrySection = RetrySection(attempts=5, first=2.0, cap=60.0)
    delivery: RetrySection = RetrySection(attempts=1000, first=2.0, cap=600.0)


class RetentionSection(ConfigSection):
    """Retention periods."""

    films: timedelta = timedelta(days=7)
    results: timedelta = timedelta(days=7)
    rows: timedelta = timedelta(days=365)


class ScheduleSection(ConfigSection):
    """Intervals of the maintenance tasks."""

    rescue: Seconds = 5.0
    commitments: Seconds = 30.0
    watch: Seconds = 30.0
    purge: Seconds = 3600.0
    drift: Seconds = 3600.0
    feeds: Seconds = 900.0


class AuditSection(ConfigSection):
    """The audit trail."""

    file: Path | None = Path("var/audit.log")
    source: str | None = Field(None, min_length=1, max_length=64)
    syslog: SyslogSection | None = None

    @model_validator(mode="after")
    def _syslog_needs_file(self) -> Self:
        """Require a file for the syslog server, because records are shipped from the file."""
        if self.syslog is not None and self.file is None:
            raise ValueError("syslog without file: set audit.file")
        return self


class LogSection(ConfigSection):
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
