"""`osteoscreen screen` is run on real films and on other files."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.peers.command import assert_fails, osteoscreen, write_config
from tests.support.paths import ROOT

REASONS = {
    "RG2_JPLL.dcm": "body-part",
    "RG3_JPLY.dcm": "body-part",
    "RG3_RLE.dcm": "body-part",
    "RG3_JLSL.dcm": "body-part",
    "CT1_JPLL.dcm": "sop-class",
    "MG_OutOfBoundsOverlay.dcm": "sop-class",
    "A098752_axial_19001231-32.dcm": "sop-class",
    "A098752_coronal_19001231-053.dcm": "sop-class",
}


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def copies(tmp_path: Path, film: Path) -> Path:
    """Return a folder with twelve copies of the shipped film as separate instances."""
    folder = tmp_path / "films"
    folder.mkdir()
    ds = dcmread(film)
    for number in range(12):
        ds.SOPInstanceUID = f"1.2.3.{number}"
        ds.save_as(folder / f"{number:02}.dcm")
    return folder


@pytest.mark.shared_data
def test_chest_films_are_scored_and_other_images_refused_with_a_reason(
    tmp_path: Path, shared_data: Path
) -> None:
    """The chest films have different transfer syntaxes, and one film has no preamble."""
    bare = tmp_path / "bare.dcm"
    bare.write_bytes(_without_meta(shared_data / "dicom" / "chest" / "udacity_test1.dcm"))
    out = tmp_path / "scores.csv"
    process = osteoscreen(
        "screen", shared_data / "dicom" / "chest", shared_data / "dicom" / "other", bare,
        shared_data / "README.md", "--out", out,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    table = rows(out)
    states = {Path(row["path"]).name: (row["state"], row["reason"]) for row in table}
    chest = {path.name for path in (shared_data / "dicom" / "chest").iterdir()} | {"bare.dcm"}
    assert {name for name, (state, _) in states.items() if state == "SCORED"} == chest
    assert {n: reason for n, (state, reason) in states.items() if state == "REJECTED"} == REASONS
    assert [row["path"] for row in table] == sorted(row["path"] for row in table)
    by_name = {Path(row["path"]).name: row for row in table}
    complete, wrapped = by_name["udacity_test1.dcm"], by_name["bare.dcm"]
    score = wrapped["probability_image"]
    assert float(score) == pytest.approx(float(complete["probability_image"]), abs=1e-6)
    assert wrapped == complete | {"path": str(bare), "probability_image": score}
    assert {row["intended_use"] for row in table} == {"demonstration"}
    output = " ".join(process.stdout.split())
    assert "7 scored" in output
    assert "8 rejected (body-part 4, sop-class 4)" in output
    assert "1 files skipped (not DICOM 1)" in output
    assert "no clinical meaning" in output
    assert_no_patient(
        shared_data, out.read_text(encoding="utf-8") + process.stdout + process.stderr
    )


def assert_no_patient(shared_data: Path, text: str) -> None:
    """Check that a text has no name and no identifier of a patient."""
    for path in (shared_data / "dicom").rglob("*.dcm"):
        ds = dcmread(path, stop_before_pixels=True)
        name, number = str(ds.get("PatientName", "")), str(ds.get("PatientID", ""))
        for secret in (name, number):
            # The user chose the file name, which may contain an identifier.
            assert len(secret) < 4 or secret in str(path) or secret not in text


def _without_meta(path: Path) -> bytes:
    ds = dcmread(path)
    length = ds.file_meta.FileMetaInformationGroupLength
    return path.read_bytes()[128 + 4 + 12 + length :]


@pytest.mark.shared_data
def test_csv_and_parquet_have_the_same_rows(tmp_path: Path, shared_data: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = shared_data / "dicom"
    for name in ("scores.csv", "scores.parquet"):
        process = osteoscreen("screen", folder, "--out", tmp_path / name, "--json")
        assert process.returncode == 0, process.stderr
        assert json.loads(process.stdout)["scored"] == 6
    typed = parquet.read_table(tmp_path / "scores.parquet").to_pylist()
    text = rows(tmp_path / "scores.csv")
    assert [list(row) for row in typed] == [list(row) for row in text]
    for typed_row, text_row in zip(typed, text, strict=True):
        for name, value in typed_row.items():
            written = "" if value is None else str(value)
            assert (written.lower() if isinstance(value, bool) else written) == text_row[name]


def test_a_killed_run_is_continued(tmp_path: Path, copies: Path) -> None:
    """After kill -9, films that already have a row are not scored again."""
    out = tmp_path / "scores.csv"
    journal = tmp_path / "scores.csv.journal"
    command = [sys.executable, "-m", "node.cli", "screen", copies, "--out", out, "--workers", "1"]
    one_by_one = os.environ | {"OSTEOSCREEN__MODEL__BATCH": "1"}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=one_by_one) as running:
        deadline = time.monotonic() + 120
        while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
            assert time.monotonic() < deadline
            assert running.poll() is None, "the run ended before the kill"
            time.sleep(0.01)
        running.kill()
    assert not out.exists()
    finished = journal.read_bytes().count(b"\n")
    process = osteoscreen("screen", copies, "--out", out, "--json", OSTEOSCREEN__MODEL__BATCH="1")
    assert process.returncode == 0, process.stderr
    facts = json.loads(process.stdout)
    assert (facts["films"], facts["scored"]) == (12, 12)
    assert 3 <= facts["kept"] <= finished < 12
    assert not journal.exists()
    again = tmp_path / "again.csv"
    osteoscreen("screen", copies, "--out", again, OSTEOSCREEN__MODEL__BATCH="1")
    assert again.read_bytes() == out.read_bytes()


def test_ctrl_c_ends_a_run_with_one_line(tmp_path: Path, copies: Path) -> None:
    """The line states how to continue; the status is 1, and no table is written."""
    out = tmp_path / "scores.csv"
    command = [sys.executable, "-m", "node.cli", "screen", copies, "--out", out, "--workers", "1"]
    one_by_one = os.environ | {"OSTEOSCREEN__MODEL__BATCH": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=one_by_one) as running:
        while not (journal := tmp_path / "scores.csv.journal").exists() or not journal.read_bytes():
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 1
        output = (running.stderr or sys.stdin).read()
    assert "run the same command again" in output
    assert "Traceback" not in output
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["films", "scores.csv.journal"]


def test_if_every_film_fails_the_status_is_1(tmp_path: Path, film: Path) -> None:
    """The table contains the error of every film."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "cut.dcm").write_bytes(film.read_bytes()[:400])
    out = tmp_path / "scores.csv"
    process = osteoscreen("screen", tmp_path / "films", "--out", out)
    assert_fails(process, 1, "no film could be scored")
    assert [row["state"] for row in rows(out)] == ["FAILED"]


def test_a_folder_without_films_gives_an_empty_table(tmp_path: Path) -> None:
    """The status is 0, and skipped files are counted."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "note.txt").write_text("no film")
    process = osteoscreen("screen", tmp_path / "films", "--out", tmp_path / "scores.csv")
    assert process.returncode == 0, process.stderr
    assert "1 files skipped (not DICOM 1)" in process.stdout
    assert rows(tmp_path / "scores.csv") == []


def test_the_configuration_and_another_bundle_are_used(tmp_path: Path, film: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(ROOT / "models" / "bundles" / "demo", bundle)
    file = write_config(tmp_path, "policy: {threshold: 1.0, admit: {views: [LL]}}\n")
    out = tmp_path / "scores.csv"
    for options, state in ((("--config", file), "REJECTED"), (("--bundle", bundle), "SCORED")):
        process = osteoscreen("screen", film, "--out", out, *options)
        assert process.returncode == 0, process.stderr
        assert [row["state"] for row in rows(out)] == [state]
    osteoscreen("screen", film, "--out", out, "--config", file, "--admitted")
    assert rows(out) == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--out", "scores.csv"], "PATH"),
        (["nowhere", "--out", "scores.csv"], "No such file or directory"),
        ([".", "--out", "scores.xlsx"], "name a .csv or a .parquet file"),
        ([".", "--out", "/proc/none/scores.csv"], "--out"),
        (["."], "--out"),
        ([".", "--out", "scores.csv", "--bundle", "nosuch"], "model.bundle"),
        ([".", "--out", "scores.csv", "--workers", "-1"], "--workers"),
    ],
)
def test_a_wrong_argument_is_one_line(
    arguments: list[str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a wrong argument, the status is 2, and no file is created."""
    monkeypatch.chdir(tmp_path)
    root = str(ROOT)
    process = osteoscreen("screen", *arguments, PYTHONPATH=root)
    assert_fails(process, 2, text)
    assert list(tmp_path.iterdir()) == []
