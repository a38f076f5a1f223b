"""The command `osteoscreen` is run with valid and invalid arguments."""

import json
import socket
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydicom import dcmread, dcmwrite

from node.domain.workflow.job import JobState
from tests.peers.command import assert_fails, osteoscreen, write_config
from tests.peers.dcmtk import dciodvfy, dsrdump
from tests.peers.node import Node
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import free_port
from tests.support.films import write_to_new_study

MakeNode = Callable[..., Node]
RESULTS = ["heatmap.dcm", "heatmap.png", "report.dcm", "summary.json"]
SUMMARY_KEYS = {
    "state", "reason", "sop_instance_uid", "probability", "used", "threshold", "flagged", "model",
    "seconds",
}  # fmt: skip


def test_the_version_is_the_version_of_the_package() -> None:
    process = osteoscreen("--version")
    assert (process.returncode, process.stdout) == (0, f"osteoscreen {version('osteoscreen')}\n")


class TestDemo:
    """These tests run `osteoscreen demo`, the second command in the README."""

    @pytest.fixture(scope="class")
    def demo(self, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
        """Return the output of the demo with the shipped film, and the folder of its results."""
        folder = tmp_path_factory.mktemp("demo")
        process = osteoscreen("demo", "--out", folder)
        assert process.returncode == 0, process.stderr
        return process.stdout, folder

    @pytest.mark.tools("dciodvfy", "dsrdump")
    def test_results_are_valid_and_agree_with_the_summary(self, demo: tuple[str, Path]) -> None:
        output, folder = demo
        assert sorted(path.name for path in folder.iterdir()) == RESULTS
        summary = json.loads((folder / "summary.json").read_text())
        assert set(summary) >= SUMMARY_KEYS
        assert (summary["state"], summary["used"]) == ("DONE", "combined")
        assert summary["flagged"] == (summary["probability"]["combined"] >= summary["threshold"])
        # The film's header has age, sex, weight and height.
        assert set(summary["probability"]) == {"image", "clinical", "combined"}
        assert all(0 < score < 1 for score in summary["probability"].values())
        for name in ("report.dcm", "heatmap.dcm"):
            assert dciodvfy(folder / name).errors == ()
        text = dsrdump(folder / "report.dcm")
        assert f'"Certainty of Finding")="{100 * summary["probability"]["combined"]:.1f}"' in text
        for name, label in (("image", "Image score"), ("clinical", "age, sex, weight and height")):
            assert f"{label}: {100 * summary['probability'][name]:.1f} %" in text
        with Image.open(folder / "heatmap.png") as heatmap:
            assert heatmap.mode == "RGB"
        assert f"{summary['probability']['combined']:.3f}" in output
        assert "no clinical meaning" in " ".join(output.split())

    @pytest.mark.shared_data
    def test_another_film_has_another_score(
        self, tmp_path: Path, shared_data: Path, demo: tuple[str, Path]
    ) -> None:
        """A film without a preamble and without file meta information can be read."""
        ds = dcmread(shared_data / "dicom" / "chest" / "RG1_UNCR.dcm")
        del ds.file_meta
        ds.preamble = None
        bare = tmp_path / "bare.dcm"
        dcmwrite(bare, ds, implicit_vr=True, little_endian=True)
        assert bare.read_bytes()[128:132] != b"DICM"
        process = osteoscreen("demo", bare, "--out", tmp_path / "out")
        assert process.returncode == 0, process.stderr
        own = json.loads((tmp_path / "out" / "summary.json").read_text())
        shipped = json.loads((demo[1] / "summary.json").read_text())
        assert own["probability"]["image"] != shipped["probability"]["image"]

    def test_a_refused_film_has_a_reason_and_no_score(self, tmp_path: Path, film: Path) -> None:
        """For the film of a child, the status is 1, and results of an earlier run are deleted."""
        ds = dcmread(film)
        ds.PatientAge, ds.PatientBirthDate = "012Y", ""
        child, out = tmp_path / "child.dcm", tmp_path / "out"
        ds.save_as(child)
        out.mkdir()
        (out / "report.dcm").write_bytes(b"earlier result")
        process = osteoscreen("demo", child, "--out", out)
        assert process.returncode == 1
        assert "younger than 50 years" in " ".join(process.stdout.split())
        assert [path.name for path in out.iterdir()] == ["summary.json"]
        summary = json.loads((out / "summary.json").read_text())
        assert (summary["state"], summary["reason"]) == ("REJECTED", "age")

    def test_an_unusable_file_is_named(self, tmp_path: Path) -> None:
        """The named file does not exist, is not DICOM, or is a folder."""
        text = tmp_path / "letter.txt"
        text.write_text("no film at all")
        for path in (tmp_path / "nowhere.dcm", text, tmp_path):
            process = osteoscreen("demo", path, "--out", tmp_path / "out")
            assert_fails(process, 2, str(path))

    @pytest.mark.shared_data
    def test_a_ct_slice_is_refused(self, tmp_path: Path, shared_data: Path) -> None:
        """The node refuses the slice at negotiation; the message states the accepted objects."""
        slice_ = shared_data / "dicom" / "other" / "CT1_JPLL.dcm"
        process = osteoscreen("demo", slice_, "--out", tmp_path)
        assert_fails(process, 1, "it accepts radiographs", "CT Image Storage")


class TestRefusals:
    """Wrong usage and a wrong configuration give status 2 and a message with key and reason."""

    @pytest.mark.parametrize(
        ("text", "messages"),
        [
            ("dicom: {port: 0}", ["dicom.port", "greater than or equal to 1"]),
            ("dicom: {prot: 104}", ["dicom.prot", "unknown key"]),
            ("spool: {path: /proc/none}", ["spool.path", "/proc/none", "writable folder"]),
            ("database: {url: mysql://x/y}", ["database.url", "sqlite:///FILE"]),
            ("database: {url: nonsense}", ["database.url"]),
            ("- a list", ["not sections with keys"]),
        ],
    )
    def test_serve_names_the_wrong_key(
        self, tmp_path: Path, text: str, messages: list[str]
    ) -> None:
        file = write_config(tmp_path, text)
        port = {} if "port" in text else {"OSTEOSCREEN__DICOM__PORT": str(free_port())}
        assert_fails(osteoscreen("serve", "--config", file, **port), 2, *messages)

    @pytest.mark.parametrize(
        ("section", "messages"),
        [
            ("model: {bundle: ./nowhere}", ["model.bundle", "nowhere"]),
            ("model: {device: cuda:7}", ["model.device", "cuda:7"]),
            ("policy: {threshold: lucky}", ["policy.threshold", "lucky"]),
        ],
    )
    def test_serve_names_a_model_setting_that_cannot_be_used(
        self, tmp_path: Path, section: str, messages: list[str]
    ) -> None:
        """Only the analyse role can detect that a device is missing; then the whole node ends."""
        file = write_config(
            tmp_path,
            f"{section}\ndicom: {{port: {free_port()}}}\nspool: {{min_free: 1MB}}\n",
        )
        assert_fails(osteoscreen("serve", "--config", file), 2, *messages)

    def test_serve_names_an_occupied_port(self, tmp_path: Path) -> None:
        """The other program on this port could receive films that are sent to the node."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            port = listener.getsockname()[1]
            process = osteoscreen(
                "serve", "--config", write_config(tmp_path, f"dicom: {{port: {port}}}")
            )
        assert_fails(process, 2, "dicom.port", str(port), "another port")

    def test_an_unreachable_database_has_status_1(self) -> None:
        """The status is 1 and not 2, because the configuration may be correct."""
        url = "postgresql://nobody@127.0.0.1:1/none"
        process = osteoscreen("db", "upgrade", OSTEOSCREEN__DATABASE__URL=url)
        assert_fails(process, 1, "the database does not answer")

    def test_a_usage_error_names_the_choices(self) -> None:
        assert_fails(osteoscreen("serve", "--role", "dance"), 2, "ingest, analyse")
        assert_fails(osteoscreen("jobs", "list", "--state", "LOST"), 2, "RECEIVED")
        assert_fails(osteoscreen("fly"), 2, "fly")


@pytest.mark.tools("dcmsend", "Orthanc")
class TestOperator:
    """These tests run `jobs`, `db` and `doctor` against a running node."""

    @pytest.fixture
    def node(
        self, make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
    ) -> Iterator[Node]:
        """Return a running node that has scored the shipped film."""
        node = make_node(destinations=[destination])
        node.serve()
        node.wait_ended(node.send(film))
        yield node
        assert all(status == 0 for status in node.stop())

    def test_jobs_and_doctor_report_the_state(self, node: Node, orthanc: Orthanc) -> None:
        """Each command prints text or, with --json, output for programs."""
        config = ("--config", node.file)
        table = osteoscreen("jobs", "list", "--config", node.file)
        assert "DONE" in table.stdout
        assert "no clinical meaning" in " ".join(table.stdout.split())
        [line] = json.loads(osteoscreen("jobs", "list", "--json", "--config", node.file).stdout)
        process = osteoscreen("jobs", "show", "1", "--json", "--config", node.file)
        summary = json.loads(process.stdout)
        assert set(summary) >= SUMMARY_KEYS
        assert summary["sop_instance_uid"] == line["sop_instance_uid"]
        reasons = osteoscreen("jobs", "reasons", "--since", "2020-01-31", "--json", *config)
        assert json.loads(reasons.stdout)["admitted"] == 1
        assert "admitted" in osteoscreen("jobs", "reasons", *config).stdout
        assert osteoscreen("jobs", "list", "--reason", "view", "--json", *config).stdout == "[]\n"
        text = osteoscreen("jobs", "show", summary["sop_instance_uid"], "--config", node.file)
        assert "DELIVERED" in text.stdout
        healthy = osteoscreen("doctor", "--json", "--config", node.file)
        assert healthy.returncode == 0, healthy.stdout
        assert {check["name"] for check in json.loads(healthy.stdout)} == {
            "database", "clock", "spool", "model", "deliveries", "audit trail", "node",
            "destination pacs",
        }  # fmt: skip
        orthanc.stop()
        unhealthy = osteoscreen("doctor", "--config", node.file)
        assert unhealthy.returncode == 1
        assert "does not answer; check that it runs, and its host and port" in " ".join(
            unhealthy.stdout.split()
        )

    def test_an_impossible_operation_is_explained(
        self, make_node: MakeNode, film: Path, tmp_path: Path
    ) -> None:
        """A rejected job cannot be retried or cancelled, and job 99 does not exist."""
        node = make_node()
        node.serve("ingest")
        node.send(write_to_new_study(film, tmp_path / "child.dcm", PatientAge="012Y"))
        for arguments, message in (
            (("retry", "1"), "job 1 is REJECTED: only a FAILED job can be retried"),
            (("cancel", "1"), "job 1 is REJECTED: only a RECEIVED or FAILED job"),
            (("show", "99"), "no job 99"),
        ):
            process = osteoscreen("jobs", *arguments, "--config", node.file)
            assert_fails(process, 1, message)
        assert [job.state for job in node.jobs()] == [JobState.REJECTED]


def test_db_upgrade_creates_the_tables(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    before = osteoscreen("db", "current", "--json", OSTEOSCREEN__DATABASE__URL=url)
    assert json.loads(before.stdout)["current"] is None
    process = osteoscreen("jobs", "list", OSTEOSCREEN__DATABASE__URL=url)
    assert_fails(process, 1, "osteoscreen db upgrade")
    assert osteoscreen("db", "upgrade", OSTEOSCREEN__DATABASE__URL=url).returncode == 0
    after = json.loads(
        osteoscreen("db", "current", "--json", OSTEOSCREEN__DATABASE__URL=url).stdout
    )
    assert after["current"] == after["needed"]
