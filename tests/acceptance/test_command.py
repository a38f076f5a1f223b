"""The command as people meet it, with right arguments and with wrong ones."""

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
from tests.peers.dcmtk import dciodvfy, dcmsend, dsrdump
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.peers.waiting import free_port

MakeNode = Callable[..., Node]
RESULTS = ["heatmap.dcm", "heatmap.png", "report.dcm", "summary.json"]
SUMMARY_KEYS = {
    "state", "reason", "sop_instance_uid", "probability", "used", "threshold", "flagged", "model",
    "seconds",
}  # fmt: skip


def test_the_version_is_that_of_the_package() -> None:
    done = osteoscreen("--version")
    assert (done.returncode, done.stdout) == (0, f"osteoscreen {version('osteoscreen')}\n")


class TestDemo:
    """`osteoscreen demo`: two commands after the clone, a newcomer sees this."""

    @pytest.mark.tools("dciodvfy", "dsrdump")
    def test_it_leaves_valid_results_and_a_summary_that_agrees(self, tmp_path: Path) -> None:
        """Four files; the report says what the summary says."""
        done = osteoscreen("demo", "--out", tmp_path)
        assert done.returncode == 0, done.stderr
        assert sorted(path.name for path in tmp_path.iterdir()) == RESULTS
        summary = json.loads((tmp_path / "summary.json").read_text())
        assert set(summary) >= SUMMARY_KEYS
        assert (summary["state"], summary["used"]) == ("DONE", "combined")
        assert summary["flagged"] == (summary["probability"]["combined"] >= summary["threshold"])
        # The film's header has age, sex, weight and height.
        assert set(summary["probability"]) == {"image", "clinical", "combined"}
        assert all(0 < score < 1 for score in summary["probability"].values())
        for name in ("report.dcm", "heatmap.dcm"):
            assert dciodvfy(tmp_path / name).errors == ()
        text = dsrdump(tmp_path / "report.dcm")
        assert f'"Certainty of Finding")="{100 * summary["probability"]["combined"]:.1f}"' in text
        for name, label in (("image", "Image score"), ("clinical", "age, sex, weight and height")):
            assert f"{label}: {100 * summary['probability'][name]:.1f} %" in text
        with Image.open(tmp_path / "heatmap.png") as heatmap:
            assert heatmap.mode == "RGB"
        assert f"{summary['probability']['combined']:.3f}" in done.stdout
        assert "no clinical meaning" in " ".join(done.stdout.split())

    @pytest.mark.shared_data
    def test_a_film_of_ones_own_gets_a_score_of_its_own(
        self, tmp_path: Path, shared_data: Path
    ) -> None:
        """Another film, another score; given without preamble and meta header, it is read."""
        ds = dcmread(shared_data / "dicom" / "chest" / "RG1_UNCR.dcm")
        del ds.file_meta
        ds.preamble = None
        bare = tmp_path / "bare.dcm"
        dcmwrite(bare, ds, implicit_vr=True, little_endian=True)
        assert bare.read_bytes()[128:132] != b"DICM"
        done = osteoscreen("demo", bare, "--out", tmp_path / "out")
        assert done.returncode == 0, done.stderr
        own = json.loads((tmp_path / "out" / "summary.json").read_text())
        assert osteoscreen("demo", "--out", tmp_path / "shipped").returncode == 0
        shipped = json.loads((tmp_path / "shipped" / "summary.json").read_text())
        assert own["probability"]["image"] != shipped["probability"]["image"]

    def test_a_film_that_policy_turns_away_says_so(self, tmp_path: Path, film: Path) -> None:
        """No score for a child: the reason, status 1, and no stale results of an earlier run."""
        ds = dcmread(film)
        ds.PatientAge, ds.PatientBirthDate = "012Y", ""
        child, out = tmp_path / "child.dcm", tmp_path / "out"
        ds.save_as(child)
        out.mkdir()
        (out / "report.dcm").write_bytes(b"of an earlier run")
        done = osteoscreen("demo", child, "--out", out)
        assert done.returncode == 1
        assert "younger than 50 years" in " ".join(done.stdout.split())
        assert [path.name for path in out.iterdir()] == ["summary.json"]
        summary = json.loads((out / "summary.json").read_text())
        assert (summary["state"], summary["reason"]) == ("REJECTED", "age")

    def test_wrong_films_are_named(self, tmp_path: Path) -> None:
        """A file that is not there, and one that is no film."""
        text = tmp_path / "letter.txt"
        text.write_text("no film at all")
        for given in (tmp_path / "nowhere.dcm", text, tmp_path):
            done = osteoscreen("demo", given, "--out", tmp_path / "out")
            assert_fails(done, 2, str(given))

    @pytest.mark.shared_data
    def test_what_is_no_radiograph_is_refused(self, tmp_path: Path, shared_data: Path) -> None:
        """A CT slice is refused at negotiation, and the message says what is taken."""
        slice_ = shared_data / "dicom" / "other" / "CT1_JPLL.dcm"
        done = osteoscreen("demo", slice_, "--out", tmp_path)
        assert_fails(done, 1, "takes radiographs", "CT Image Storage")


class TestRefusals:
    """Bad usage and bad configuration: the key, the reason, status 2."""

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("dicom: {port: 0}", ["dicom.port", "greater than or equal to 1"]),
            ("dicom: {prot: 104}", ["dicom.prot", "unknown key"]),
            ("spool: {path: /proc/none}", ["spool.path", "/proc/none", "writable folder"]),
            ("database: {url: mysql://x/y}", ["database.url", "sqlite:///FILE"]),
            ("database: {url: nonsense}", ["database.url"]),
            ("- a list", ["not sections with keys"]),
        ],
    )
    def test_a_bad_configuration(self, tmp_path: Path, text: str, words: list[str]) -> None:
        """`serve` does not start, and says which key is wrong."""
        file = write_config(tmp_path, text)
        port = {} if "port" in text else {"OSTEOSCREEN__DICOM__PORT": str(free_port())}
        assert_fails(osteoscreen("serve", "--config", file, **port), 2, *words)

    @pytest.mark.parametrize(
        ("section", "words"),
        [
            ("model: {bundle: ./nowhere}", ["model.bundle", "nowhere"]),
            ("model: {device: cuda:7}", ["model.device", "cuda:7"]),
            ("policy: {threshold: lucky}", ["policy.threshold", "lucky"]),
        ],
    )
    def test_a_model_that_cannot_be_used(
        self, tmp_path: Path, section: str, words: list[str]
    ) -> None:
        """What only the analysing role can find out ends the whole node, status 2."""
        file = write_config(
            tmp_path,
            f"{section}\ndicom: {{port: {free_port()}}}\nspool: {{min_free: 1MB}}\n",
        )
        assert_fails(osteoscreen("serve", "--config", file), 2, *words)

    def test_a_port_that_is_taken(self, tmp_path: Path) -> None:
        """Somebody else listens there: no film may end in the wrong node."""
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            done = osteoscreen(
                "serve", "--config", write_config(tmp_path, f"dicom: {{port: {port}}}")
            )
        assert_fails(done, 2, "dicom.port", str(port), "another port")

    def test_a_database_that_does_not_answer(self, tmp_path: Path) -> None:
        """Not a configuration to correct, perhaps: status 1."""
        url = "postgresql://nobody@127.0.0.1:1/none"
        done = osteoscreen("db", "upgrade", OSTEOSCREEN__DATABASE__URL=url)
        assert_fails(done, 1, "the database does not answer")

    def test_wrong_words(self) -> None:
        """Usage errors name the choices."""
        assert_fails(osteoscreen("serve", "--role", "dance"), 2, "ingest, analyse")
        assert_fails(osteoscreen("jobs", "list", "--state", "LOST"), 2, "RECEIVED")
        assert_fails(osteoscreen("fly"), 2, "fly")


@pytest.mark.tools("dcmsend", "Orthanc")
class TestOperator:
    """`jobs`, `db` and `doctor` on a node that works."""

    @pytest.fixture
    def node(
        self, make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path
    ) -> Iterator[Node]:
        """Return a node that runs and has scored the shipped film."""
        node = make_node(destinations=[destination])
        node.serve()
        assert dcmsend(node.port, film, called_ae=AE_TITLE).succeeded
        node.wait_ended([str(dcmread(film).SOPInstanceUID)])
        yield node
        assert all(status == 0 for status in node.stop())

    def test_jobs_and_doctor_tell_what_there_is(self, node: Node, orthanc: Orthanc) -> None:
        """For people and, with --json, for programs."""
        config = ("--config", node.file)
        listed = osteoscreen("jobs", "list", "--config", node.file)
        assert "DONE" in listed.stdout
        assert "no clinical meaning" in " ".join(listed.stdout.split())
        [line] = json.loads(osteoscreen("jobs", "list", "--json", "--config", node.file).stdout)
        shown = osteoscreen("jobs", "show", "1", "--json", "--config", node.file)
        summary = json.loads(shown.stdout)
        assert set(summary) >= SUMMARY_KEYS
        assert summary["sop_instance_uid"] == line["sop_instance_uid"]
        counted = osteoscreen("jobs", "reasons", "--since", "2020-01-31", "--json", *config)
        assert json.loads(counted.stdout)["admitted"] == 1
        assert "admitted" in osteoscreen("jobs", "reasons", *config).stdout
        assert osteoscreen("jobs", "list", "--reason", "view", "--json", *config).stdout == "[]\n"
        people = osteoscreen("jobs", "show", summary["sop_instance_uid"], "--config", node.file)
        assert "DELIVERED" in people.stdout
        healthy = osteoscreen("doctor", "--json", "--config", node.file)
        assert healthy.returncode == 0, healthy.stdout
        assert {check["name"] for check in json.loads(healthy.stdout)} == {
            "database", "clock", "spool", "model", "deliveries", "audit trail", "node",
            "destination pacs",
        }  # fmt: skip
        orthanc.stop()
        ill = osteoscreen("doctor", "--config", node.file)
        assert ill.returncode == 1
        assert "does not answer; check that it runs, and its host and port" in " ".join(
            ill.stdout.split()
        )

    def test_what_cannot_be_done_is_said(self, node: Node) -> None:
        """A finished job is neither retried nor cancelled; an unknown one is unknown."""
        for words, said in (
            (("retry", "1"), "job 1 is DONE: only a FAILED job can be retried"),
            (("cancel", "1"), "job 1 is DONE: only a RECEIVED or FAILED job"),
            (("show", "99"), "no job 99"),
        ):
            done = osteoscreen("jobs", *words, "--config", node.file)
            assert_fails(done, 1, said)
        assert [job.state for job in node.jobs()] == [JobState.DONE]


def test_the_database_is_upgraded_by_command(tmp_path: Path) -> None:
    """Empty, upgraded, current."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    before = osteoscreen("db", "current", "--json", OSTEOSCREEN__DATABASE__URL=url)
    assert json.loads(before.stdout)["current"] is None
    listed = osteoscreen("jobs", "list", OSTEOSCREEN__DATABASE__URL=url)
    assert_fails(listed, 1, "osteoscreen db upgrade")
    assert osteoscreen("db", "upgrade", OSTEOSCREEN__DATABASE__URL=url).returncode == 0
    after = json.loads(
        osteoscreen("db", "current", "--json", OSTEOSCREEN__DATABASE__URL=url).stdout
    )
    assert after["current"] == after["needed"]
