"""Batch screening writes a table of the films, also if a decoder or the model fails."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread

from models.images.radiograph import Radiograph
from node.batch.row import ScoreRow
from node.batch.runner import ScreeningModel, ScreeningResult
from node.batch.session import ScreeningRequest, screen
from node.batch.table import open_table
from node.domain.admission.header_rules import PixelRule
from node.domain.decision.decide import DecisionPolicy
from node.domain.decision.prediction import Prediction
from node.domain.decision.thresholds import Rule, Thresholds
from node.domain.errors import Misconfigured, Permanent, Transient
from node.domain.radiograph.case import Case
from node.inference.predictor import BundlePredictor, load
from tests.support.films import make_film, make_small_film, write_film
from tests.support.policies import make_admission_policy
from tests.support.readers import reader

pytestmark = pytest.mark.slow

LABELS = (
    "BodyPartExamined",
    "AnatomicRegionSequence",
    "ViewPosition",
    "ViewCodeSequence",
    "StudyDescription",
    "SeriesDescription",
)
GATE_POLICY = make_admission_policy(pixels=PixelRule.OVERRULE)


class CountingPredictor:
    """The shipped predictor, which records the size of each batch and can fail on some films."""

    def __init__(self, predictor: BundlePredictor) -> None:
        self._predictor = predictor
        self.identity = predictor.identity
        self.decode = predictor.decode
        self.has_gate, self.check_images = predictor.has_gate, predictor.check_images
        self.batches: list[int] = []
        self.fails_on: Callable[[Radiograph], bool] = lambda _: False

    def predict(self, cases: Sequence[Case]) -> list[Prediction]:
        """Score the films, or fail if `fails_on` is true for one of them."""
        self.batches.append(len(cases))
        if any(self.fails_on(case.radiograph) for case in cases):
            raise Permanent("the model gave no finite score for this film")
        return self._predictor.predict(cases)


class Progress:
    """A progress display that counts finished files and stops the run after a number of them."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.stop, self.files, self.done = threading.Event(), 0, 0
        self._stop_after = stop_after

    def begin(self, files: int) -> None:
        """Record the number of files."""
        self.files = files

    def advance(self, files: int) -> None:
        """Count finished files, and stop the run after `stop_after` files."""
        self.done += files
        if self.done >= self._stop_after:
            self.stop.set()


@pytest.fixture(scope="module")
def shipped() -> BundlePredictor:
    """Return the shipped bundle, loaded once."""
    return load("demo", "cpu", 0)


@pytest.fixture
def predictor(shipped: BundlePredictor) -> CountingPredictor:
    return CountingPredictor(shipped)


@pytest.fixture
def run(predictor: CountingPredictor, tmp_path: Path) -> Callable[..., ScreeningResult]:
    """Return a function that screens `films` into `scores.csv`."""

    def run(
        progress: Progress | None = None, threshold: float = 0.5, **changes: object
    ) -> ScreeningResult:
        progress = progress or Progress()
        policy = changes.pop("policy", make_admission_policy())
        request = replace(
            ScreeningRequest((tmp_path / "films",), tmp_path / "scores.csv", 1), **changes
        )  # type: ignore[arg-type]
        thresholds = DecisionPolicy(Rule(Thresholds.uniform(threshold)))
        model = ScreeningModel(predictor, policy, thresholds, batch=2)
        return screen(request, reader(policy=policy), lambda: model, progress.stop, progress)

    return run


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Return a folder with 5 chest films, a hand film, a film that crashes, and 2 other files."""
    folder = tmp_path / "films"
    folder.mkdir()
    for number in range(5):
        write_film(make_film(), folder / f"{number}.dcm")
    write_film(make_film(BodyPartExamined="HAND"), folder / "2-hand.dcm")
    write_film(make_film(), folder / "3-segfault.dcm")
    (folder / "note.txt").write_text("not a film")
    (folder / "empty").touch()
    return folder


def table(tmp_path: Path) -> list[ScoreRow]:
    """Return the rows of the table on disk."""
    return open_table(tmp_path / "scores.csv").read()


def test_every_film_has_a_row_in_the_order_of_the_paths(
    run: Callable[..., ScreeningResult], films: Path, tmp_path: Path
) -> None:
    """Files that are not films are counted, but they have no row."""
    progress = Progress()
    result = run(progress, workers=2)
    rows = table(tmp_path)
    assert list(result.rows) == rows
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
    assert result.skipped == {"not DICOM": 1, "empty": 1}
    assert progress.done == progress.files == 9
    assert "Doe" not in (tmp_path / "scores.csv").read_text()


def test_refused_films_can_be_omitted(
    run: Callable[..., ScreeningResult], films: Path, tmp_path: Path
) -> None:
    """With `include_refused=False`, refused films have no row, but failed films have one."""
    run(include_refused=False)
    assert {row.state for row in table(tmp_path)} == {"SCORED", "FAILED"}


def test_a_second_run_scores_nothing_again(
    run: Callable[..., ScreeningResult], films: Path, tmp_path: Path, predictor: CountingPredictor
) -> None:
    """The same bytes and the same model give the same table, byte for byte."""
    run()
    first = (tmp_path / "scores.csv").read_bytes()
    predictor.batches.clear()
    assert run().reused == 5
    assert (tmp_path / "scores.csv").read_bytes() == first
    assert predictor.batches == []


def test_a_changed_film_or_another_model_is_scored_again(
    run: Callable[..., ScreeningResult], films: Path, tmp_path: Path, predictor: CountingPredictor
) -> None:
    run()
    ds = dcmread(films / "0.dcm")
    ds.PatientAge = "071Y"
    ds.save_as(films / "0.dcm")
    assert run().reused == 4
    assert table(tmp_path)[0].age_years == 71
    predictor.identity = replace(predictor.identity, digest="e" * 64)
    assert run().reused == 0


def test_the_policies_are_applied_again_to_known_scores(
    run: Callable[..., ScreeningResult], films: Path, tmp_path: Path, predictor: CountingPredictor
) -> None:
    """A run with another policy uses known scores, and omits the scores of refused films."""
    run(threshold=0.0)
    assert {row.flagged for row in table(tmp_path) if row.state == "SCORED"} == {True}
    predictor.batches.clear()
    run(threshold=1.0)
    assert {row.flagged for row in table(tmp_path) if row.state == "SCORED"} == {False}
    assert {row.threshold for row in table(tmp_path) if row.state == "SCORED"} == {1.0}
    assert predictor.batches == []
    run(policy=make_admission_policy(modalities=("RG",)))
    assert {row.reason for row in table(tmp_path)} == {"modality"}


def test_image_findings_are_reused_and_judged_again(
    run: Callable[..., ScreeningResult], tmp_path: Path, predictor: CountingPredictor
) -> None:
    """A chest film without tags is scored; a grey ramp with tags of a chest film is refused."""
    folder = tmp_path / "films"
    folder.mkdir()
    chest = make_small_film()
    for keyword in LABELS:
        delattr(chest, keyword)
    write_film(chest, folder / "chest.dcm")
    write_film(make_film(), folder / "ramp.dcm")
    run(policy=GATE_POLICY)
    scored, refused = table(tmp_path)
    assert (scored.state, scored.notes) == ("SCORED", "body-part-by-pixels view-by-pixels")
    assert scored.image_findings is not None
    assert scored.image_findings.frontal > 0.9
    assert (refused.state, refused.probability_image) == ("REJECTED", None)
    assert refused.reason in ("body-part", "view", "unlike")
    predictor.batches.clear()
    assert run(policy=replace(GATE_POLICY, views=("PA",))).reused == 1
    assert predictor.batches == []
    run(policy=make_admission_policy())  # this policy has no image check
    assert [row.state for row in table(tmp_path)] == ["REJECTED", "SCORED"]
    assert {row.image_findings for row in table(tmp_path)} == {None}
    run(policy=GATE_POLICY)  # the films that were scored without an image check are checked now
    assert table(tmp_path) == [scored, refused]


def test_a_stopped_run_is_continued(
    run: Callable[..., ScreeningResult], films: Path, tmp_path: Path, predictor: CountingPredictor
) -> None:
    """The next run reuses the stopped run's journal and writes a complete table."""
    with pytest.raises(Transient, match="run the same command again"):
        run(Progress(stop_after=2))
    assert not (tmp_path / "scores.csv").exists()
    journal = (tmp_path / "scores.csv.journal").read_text().splitlines()
    assert {json.loads(line)["state"] for line in journal} == {"SCORED"}
    predictor.batches.clear()
    assert run().reused == len(journal) > 0
    assert sum(predictor.batches) == 5 - len(journal)
    assert not (tmp_path / "scores.csv.journal").exists()
    assert sum(row.state == "SCORED" for row in table(tmp_path)) == 5


def test_a_film_that_the_model_cannot_score_affects_no_other(
    run: Callable[..., ScreeningResult], films: Path, tmp_path: Path, predictor: CountingPredictor
) -> None:
    """The films of its batch are scored one by one, and the next run retries the faulty film."""
    write_film(make_film(side=300), films / "1-odd.dcm")
    predictor.fails_on = lambda radiograph: radiograph.pixels.shape == (300, 300)
    run()
    states = {Path(row.path).name: row.state for row in table(tmp_path)}
    assert states["1-odd.dcm"] == "FAILED"
    assert [states[f"{number}.dcm"] for number in range(5)] == ["SCORED"] * 5
    predictor.fails_on = lambda _: False
    assert run().reused == 5
    assert {Path(r.path).name: r.state for r in table(tmp_path)}["1-odd.dcm"] == "SCORED"


def test_a_blank_film_is_not_decoded_again(
    run: Callable[..., ScreeningResult], films: Path, tmp_path: Path
) -> None:
    """The row of a blank film keeps its reason and its text in the next run."""
    blank = write_film(make_film(PixelData=bytes(256 * 256)), films / "blank.dcm")
    run()
    before = next(row for row in table(tmp_path) if row.path == str(blank))
    assert (before.state, before.reason) == ("REJECTED", "pixels")
    assert run().reused == 6
    assert before in table(tmp_path)


def test_a_run_on_another_folder_does_not_drop_rows(
    run: Callable[..., ScreeningResult], films: Path, tmp_path: Path
) -> None:
    """A run that would drop rows of other folders is refused; rows of deleted files are dropped."""
    run()
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(Misconfigured, match=r"7 films that are not below the paths given"):
        run(paths=(other,))
    (films / "0.dcm").unlink()
    run()
    assert len(table(tmp_path)) == 6


def test_a_file_name_that_is_not_utf_8_has_a_row(
    run: Callable[..., ScreeningResult], tmp_path: Path, predictor: CountingPredictor
) -> None:
    """Old archives have Latin-1 file names, and the next run finds the row of such a file again."""
    folder = tmp_path / "films"
    folder.mkdir()
    write_film(make_film(), folder / "film.dcm")
    (folder / "film.dcm").rename(str(folder) + "/R\udcf6ntgen.dcm")
    run()
    assert [row.path for row in table(tmp_path)] == [f"{folder}/R\\xf6ntgen.dcm"]
    assert run().reused == 1
