"""The sections of the configuration, each with its keys and their defaults.

What each key means stands beside it in `config.yaml`.
"""

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import ByteSize, Field, model_validator

from node.config.peers import CallerSection, ServerTls, Syslog
from node.config.types import (
    AETitle,
    LogOdds,
    PixelRuleKey,
    Port,
    ReportableReasonKey,
    RuleName,
    Seconds,
    Section,
    Threshold,
)
from node.domain.admission.header_rules import PixelRule
from node.domain.decision.prediction import ScoreKind
from node.domain.decision.prior_studies import RepeatRule
from node.domain.workflow.delivery import SrClass


class Dicom(Section):
    """The listening side."""

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


class ChallengerSection(Section):
    """A second bundle that scores the same films, for a comparison alone."""

    bundle: str = Field(min_length=1)
    device: str = Field("cpu", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    batch: int = Field(1, ge=1, le=256)
    threads: int = Field(1, ge=0)
    share: float = Field(1.0, gt=0.0, le=1.0)


class Results(Section):
    """How results are encoded."""

    sr_class: SrClass = SrClass.COMPREHENSIVE_3D
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
    min_side: float = Field(100.0, ge=0)
    pixels: PixelRuleKey = PixelRule.OVERRULE
    one_per_study: bool = True
    study_wait: float = Field(5.0, ge=0, le=30)
    report: tuple[ReportableReasonKey, ...] = ()


class Override(Section):
    """Another threshold, or another band, for some films."""

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


class Prior(Section):
    """What earlier films of the same patient count for."""

    months: int = Field(0, ge=0, le=120)
    repeat: RepeatRule = RepeatRule.MARK


class Policy(Section):
    """From score to decision."""

    threshold: Threshold = "youden"
    score: ScoreKind = ScoreKind.COMBINED
    abstain: LogOdds = 0.0
    overrides: tuple[Override, ...] = ()
    prior: Prior = Prior()
    shadow: bool = False
    admit: Admit = Admit()

    @model_validator(mode="after")
    def _rules_apart(self) -> Self:
        """Reports name the rule that held; two of one name could not be told apart."""
        names = [one.name for one in self.overrides if one.name is not None]
        if len(set(names)) < len(names):
            raise ValueError("two overrides have the same name; give each its own")
        return self


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
    analysis: Retry = Retry(attempts=5, first=2.0, cap=60.0)
    delivery: Retry = Retry(attempts=1000, first=2.0, cap=600.0)


class Retention(Section):
    """How long bytes and rows stay after the last delivery."""

    films: timedelta = timedelta(days=7)
    results: timedelta = timedelta(days=7)
    rows: timedelta = timedelta(days=365)


class Schedule(Section):
    """How often maintenance looks."""

    rescue: Seconds = 5.0
    commitments: Seconds = 30.0
    watch: Seconds = 30.0
    purge: Seconds = 3600.0
    drift: Seconds = 3600.0
    feeds: Seconds = 900.0


class AuditSection(Section):
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
