"""A run from paths to a table, with the shipped model and with decoders that may crash."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from models.images.radiograph import Radiograph
from node.batch.row import Row
from node.batch.runner import Outcome
from node.batch.session import Model, Request, screen
from node.batch.table import open_table
from node.domain.admission.header_rules import AdmissionPolicy, PixelRule
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import Prediction
from node.domain.decision.thresholds import Rule, Thresholds
from node.domain.errors import Misconfigured, Permanent, Transient
from node.domain.radiograph.case import Case
from node.inference.predictor import BundlePredictor, load
from tests.support.peer_films import small_film
from tests.support.readers import reader
from tests.support.wire_films import film, write

LABELS = (
    "BodyPartExamined",
    "AnatomicRegionSequence",
    "ViewPosition",
    "ViewCodeSequence",
    "StudyDescription",
    "SeriesDescription",
)
LOOKING = AdmissionPolicy(pixels=PixelRule.OVERRULE)


class Counting:
    """The shipped predictor; remembers how many films it was given, and may be ill."""

    def __init__(self, predictor: BundlePredictor) -> None:
        self._predictor = predictor
        self.identity = predictor.identity
        self.decode = predictor.decode
        self.has_gate, self.check_images = predictor.has_gate, predictor.check_images
        self.batches: list[int] = []
        self.ill_with: Callable[[Radiograph], bool] = lambda _: False

    def predict(self, cases: Sequence[Case]) -> list[Prediction]:
        """Score the films, or fail if one of them is of the kind that makes it ill."""
        self.batches.append(len(cases))
        if any(self.ill_with(case.radiograph) for case in cases):
            raise Permanent("the model gave no finite score for this film")
        return self._predictor.predict(cases)


class Told:
    """Whoever follows the run; may stop it after so many films."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.stop, self.files, self.done = threading.Event(), 0, 0
        self._stop_after = stop_after

    def begin(self, files: int) -> None:
        """Remember how many there are."""
        self.files = files

    def advance(self, files: int) -> None:
        """Count."""
        self.done += files
        if self.done >= self._stop_after:
            self.stop.set()


@pytest.fixture(scope="module")
def shipped() -> BundlePredictor:
    """Return the shipped bundle, loaded once."""
    return load("demo", "cpu", 0)


@pytest.fixture
def predictor(shipped: BundlePredictor) -> Counting:
    """Return the shipped model, its films counted."""
    return Counting(shipped)


@pytest.fixture
def run(predictor: Counting, tmp_path: Path) -> Callable[..., Outcome]:
    """Return a function that screens `films` into `scores.csv`."""

    def run(told: Told | None = None, threshold: float = 0.5, **changes: object) -> Outcome:
        told = told or Told()
        policy = changes.pop("policy", AdmissionPolicy())
        request = replace(Request((tmp_path / "films",), tmp_path / "scores.csv", 1), **changes)  # type: ignore[arg-type]
        thresholds = DecisionPolicy(Rule(Thresholds.same(threshold)))
        model = Model(predictor, policy, thresholds, batch=2)
        return screen(request, reader(policy=policy), lambda: model, told.stop, told)

    return run


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Return a folder with five films, a hand, a crash, a note and an empty file."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(5):
        write(film(), folder / f"{number}.dcm")
    write(film(BodyPartExamined="HAND"), folder / "2-hand.dcm")
    write(film(), folder / "3-segfault.dcm")
    (folder / "note.txt").write_text("not a film")
    (folder / "empty").touch()
    return folder


def table(tmp_path: Path) -> list[Row]:
    """Return the table as it is on disk."""
    return open_table(tmp_path / "scores.csv").read()


def test_every_film_has_a_row_in_the_order_of_the_paths(
    run: Callable[..., Outcome], films: Path, tmp_path: Path
) -> None:
    """With a score, a reason or an error; what is no film is counted and has none."""
    told = Told()
    outcome = run(told, workers=2)
    rows = table(tmp_path)
    assert list(outcome.rows) == rows
    assert [(Path(row.path).name, row.state) for row in rows] == [
        ("0.dcm", "SCORED"),
        ("1.dcm", "SCORED"),
        ("2-hand.dcm", "REJECTED"),
        ("2.dcm", "SCORED"),
        ("3-segfault.dcm", "FAILED"),
        ("3.dcm", "SCORED"),
        ("4.dcm", "SCORED"),
    ]
    assert rows[2].reason == "body-part"
    assert "SIGSEGV" in rows[4].error
    assert rows[0].flagged == ((rows[0].probability_image or 0) >= 0.5)
    assert {row.intended_use for row in rows} == {"demonstration"}
    assert outcome.skipped == {"no DICOM": 1, "empty": 1}
    assert told.done == told.files == 9
    assert "Doe" not in (tmp_path / "scores.csv").read_text()


def test_films_turned_away_can_be_left_out(
    run: Callable[..., Outcome], films: Path, tmp_path: Path
) -> None:
    """What failed stays: it might have had a score."""
    run(turned_away=False)
    assert {row.state for row in table(tmp_path)} == {"SCORED", "FAILED"}


def test_a_second_run_scores_nothing_anew(
    run: Callable[..., Outcome], films: Path, tmp_path: Path, predictor: Counting
) -> None:
    """Same bytes, same model: the same table, byte for byte."""
    run()
    first = (tmp_path / "scores.csv").read_bytes()
    predictor.batches.clear()
    assert run().kept == 5
    assert (tmp_path / "scores.csv").read_bytes() == first
    assert predictor.batches == []


def test_a_changed_film_and_another_model_are_scored_anew(
    run: Callable[..., Outcome], films: Path, tmp_path: Path, predictor: Counting
) -> None:
    """A row is kept for these bytes and this bundle, not for a name."""
    run()
    ds = dcmread(films / "0.dcm")
    ds.PatientAge = "071Y"
    ds.save_as(films / "0.dcm")
    assert run().kept == 4
    assert table(tmp_path)[0].age_years == 71
    predictor.identity = replace(predictor.identity, digest="e" * 64)
    assert run().kept == 0


def test_policy_is_asked_anew_of_kept_scores(
    run: Callable[..., Outcome], films: Path, tmp_path: Path, predictor: Counting
) -> None:
    """A table never mixes thresholds, nor holds films that are no longer admitted."""
    run(threshold=0.0)
    assert {row.flagged for row in table(tmp_path) if row.state == "SCORED"} == {True}
    predictor.batches.clear()
    run(threshold=1.0)
    assert {row.flagged for row in table(tmp_path) if row.state == "SCORED"} == {False}
    assert {row.threshold for row in table(tmp_path) if row.state == "SCORED"} == {1.0}
    assert predictor.batches == []
    run(policy=AdmissionPolicy(modalities=("RG",)))
    assert {row.reason for row in table(tmp_path)} == {"modality"}


def test_what_the_gate_has_seen_is_kept_and_judged_anew(
    run: Callable[..., Outcome], tmp_path: Path, predictor: Counting
) -> None:
    """A chest without tags is scored, a ramp that is said to be one is not; each is seen once."""
    folder = tmp_path / "films"
    folder.mkdir()
    chest = small_film()
    for keyword in LABELS:
        delattr(chest, keyword)
    write(chest, folder / "chest.dcm")
    write(film(), folder / "ramp.dcm")
    run(policy=LOOKING)
    scored, refused = table(tmp_path)
    assert (scored.state, scored.notes) == ("SCORED", "body-part-by-pixels view-by-pixels")
    assert scored.seen is not None
    assert scored.seen.frontal > 0.9
    assert (refused.state, refused.probability_image) == ("REJECTED", None)
    assert refused.reason in ("body-part", "view", "unlike")
    predictor.batches.clear()
    assert run(policy=replace(LOOKING, views=("PA",))).kept == 1
    assert predictor.batches == []
    run(policy=AdmissionPolicy())  # nobody looks: the header alone decides
    assert [row.state for row in table(tmp_path)] == ["REJECTED", "SCORED"]
    assert {row.seen for row in table(tmp_path)} == {None}
    run(policy=LOOKING)  # what was scored unseen is looked at
    assert table(tmp_path) == [scored, refused]


def test_a_stopped_run_is_gone_on_with(
    run: Callable[..., Outcome], films: Path, tmp_path: Path, predictor: Counting
) -> None:
    """No table yet, but what was scored is kept; the next run ends with the table of one run."""
    with pytest.raises(Transient, match="the same command goes on"):
        run(Told(stop_after=2))
    assert not (tmp_path / "scores.csv").exists()
    journal = (tmp_path / "scores.csv.journal").read_text().splitlines()
    assert {json.loads(line)["state"] for line in journal} == {"SCORED"}
    predictor.batches.clear()
    assert run().kept == len(journal) > 0
    assert sum(predictor.batches) == 5 - len(journal)
    assert not (tmp_path / "scores.csv.journal").exists()
    assert sum(row.state == "SCORED" for row in table(tmp_path)) == 5


def test_a_film_that_the_model_cannot_score_costs_no_other(
    run: Callable[..., Outcome], films: Path, tmp_path: Path, predictor: Counting
) -> None:
    """Its batch is scored again one by one; the next run tries it again."""
    write(film(side=300), films / "1-odd.dcm")
    predictor.ill_with = lambda one: one.pixels.shape == (300, 300)
    run()
    states = {Path(row.path).name: row.state for row in table(tmp_path)}
    assert states["1-odd.dcm"] == "FAILED"
    assert [states[f"{number}.dcm"] for number in range(5)] == ["SCORED"] * 5
    predictor.ill_with = lambda _: False
    assert run().kept == 5
    assert {Path(r.path).name: r.state for r in table(tmp_path)}["1-odd.dcm"] == "SCORED"


def test_a_blank_film_is_known_for_blank(
    run: Callable[..., Outcome], films: Path, tmp_path: Path
) -> None:
    """It cost a decoding, and its reason is kept with its words."""
    blank = write(film(PixelData=bytes(256 * 256)), films / "blank.dcm")
    run()
    before = next(row for row in table(tmp_path) if row.path == str(blank))
    assert (before.state, before.reason) == ("REJECTED", "pixels")
    assert run().kept == 6
    assert before in table(tmp_path)


def test_a_table_is_not_emptied_by_another_folder(
    run: Callable[..., Outcome], films: Path, tmp_path: Path
) -> None:
    """Days of scores are not lost to a wrong --out; films that are gone may leave the table."""
    run()
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(Misconfigured, match=r"7 films that are not below the paths given"):
        run(paths=(other,))
    (films / "0.dcm").unlink()
    run()
    assert len(table(tmp_path)) == 6


def test_a_name_of_any_bytes_is_a_row(
    run: Callable[..., Outcome], tmp_path: Path, predictor: Counting
) -> None:
    """Old archives have Latin-1 names; they are told, and known again."""
    folder = tmp_path / "films"
    folder.mkdir()
    write(film(), folder / "film.dcm")
    (folder / "film.dcm").rename(str(folder) + "/R\udcf6ntgen.dcm")
    run()
    assert [row.path for row in table(tmp_path)] == [f"{folder}/R\\xf6ntgen.dcm"]
    assert run().kept == 1
