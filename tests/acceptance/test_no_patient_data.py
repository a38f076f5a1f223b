"""Who a patient is stays in the films and their results: nowhere else is it ever written.

A node with all its roles meets films of patients whose every attribute can be searched for; then
its log, its commands' output, its processes' titles and its whole job table are searched.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydicom import dcmread
from pydicom.uid import ComputedRadiographyImageStorage, generate_uid
from pynetdicom import AE

from node.config.settings import load
from node.domain.workflow.job import JobState
from node.jobs.engine import open_engine
from node.jobs.tables import metadata
from node.spool.patient_key import NAME
from tests.peers.command import osteoscreen
from tests.peers.dcmtk import dcmsend
from tests.peers.node import AE_TITLE, Node
from tests.peers.orthanc import Orthanc
from tests.peers.quoting import QuotingPacs
from tests.peers.waiting import wait_until
from tests.support.films import write_to_new_study

pytestmark = pytest.mark.tools("dcmsend", "Orthanc")

MakeNode = Callable[..., Node]

CHINESE = "欧阳测试"
PATIENT = {
    "PatientName": "Zyxomark^Quillfeather",
    "PatientID": "PID-7731-Q",
    "PatientBirthDate": "19310719",
    "AccessionNumber": "ACC-9932-X",
    "OtherPatientIDs": "OTH-5521-Z",
    "OtherPatientNames": "Dremblewick^Ottoline",
    "PatientAddress": "12 Vexholm Crescent",
    "PatientTelephoneNumbers": "5550173348",
    "PatientComments": "Sproutling",
    "ReferringPhysicianName": "Hobnocket^Wendell",
    "InstitutionName": "Brackenthorpe Infirmary",
    "StudyID": "STU-3310-K",
    # Where people write what does not belong there.
    "StudyDescription": "CHEST PA ZYXOMARK 19310719",
    "SeriesDescription": "CHEST QUILLFEATHER PID-7731-Q",
}
WORDS = (
    *("zyxomark", "quillfeather", "pid-7731-q", "19310719", "1931-07-19", "acc-9932-x"),
    *("oth-5521-z", "dremblewick", "ottoline", "vexholm", "5550173348", "sproutling", "hobnocket"),
    *("wendell", "brackenthorpe", "stu-3310-k", CHINESE, ascii(CHINESE)[1:-1]),
)
HOSTILE_NAMES = {
    "markup": "[/red]Zyxomark^[bold]<b>&",
    "sql": "Zyxomark'); DROP TABLE job;--",
    "format": "%s%n%(message)s{0}{event}Zyxomark",
    "lines": 'Zyxomark\r\n{"event": "forged"}',
    "nul": "Zyxo\0mark Zyxomark",
    "long": "Zyxomark" * 8000,
    "escapes": "Zyxomark\x1b[2J\x1b]0;Zyxomark\x07",
}


def search(content: str | bytes, where: str) -> None:
    """Fail, and say which word was found where."""
    raw = content.encode() if isinstance(content, str) else content
    searched = raw.lower()
    needles = [word.encode() for word in WORDS] + [CHINESE.encode("gb18030")]
    found = [needle for needle in needles if needle in searched]
    assert not found, f"{where}: {found}"


@contextmanager
def no_umask() -> Iterator[None]:
    """Let the node be started by somebody who lets everybody read."""
    old = os.umask(0)
    try:
        yield
    finally:
        os.umask(old)


UNUSED = ("alarm", "challenger", "drift", "drift_reference", "notice")
"""Tables of what this node is not asked to do; they hold figures and codes of films alone."""


@pytest.fixture
def good(film: Path, tmp_path: Path) -> list[Path]:
    """Return films that are scored, of patients with all kinds of names."""
    films = [write_to_new_study(film, tmp_path / "plain.dcm", **PATIENT)]
    for kind, name in HOSTILE_NAMES.items():
        facts = PATIENT | {"PatientName": name, "PatientComments": name}
        films.append(write_to_new_study(film, tmp_path / f"{kind}.dcm", **facts))
    chinese = PATIENT | {"SpecificCharacterSet": "GB18030", "PatientName": CHINESE}
    films.append(write_to_new_study(film, tmp_path / "chinese.dcm", **chinese))
    return films


@pytest.fixture
def bad(film: Path, tmp_path: Path) -> list[Path]:
    """Return films that are turned away: by policy, by their pixels, by their header."""
    mammogram = write_to_new_study(film, tmp_path / "mammogram.dcm", **PATIENT | {"Modality": "MG"})
    broken = write_to_new_study(film, tmp_path / "broken.dcm", **PATIENT)
    start_of_image = b"\xff\xd8\xff"
    assert start_of_image in broken.read_bytes()
    broken.write_bytes(broken.read_bytes().replace(start_of_image, bytes(3)))
    return [mammogram, broken]


@pytest.fixture
def quoting() -> Iterator[QuotingPacs]:
    """Return an archive that says whose object it refuses."""
    pacs = QuotingPacs()
    yield pacs
    pacs.stop()


def send_what_is_refused(node: Node, film: Path) -> None:
    """Send the patient's film as another instance, and one whose header lacks what is needed."""
    ds = dcmread(film)
    ae = AE("LIAR")
    ae.add_requested_context(ComputedRadiographyImageStorage, ds.file_meta.TransferSyntaxUID)
    ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    assoc = ae.associate("127.0.0.1", node.port, ae_title=AE_TITLE)
    ds.SOPInstanceUID = generate_uid()
    del ds.StudyInstanceUID
    assert assoc.send_c_store(ds).Status == 0xC210
    assoc.release()


def titles(node: Node) -> bytes:
    """Return the command line and the short name of every process of the node."""
    roles = [node.process_of(role) for role in ("ingest", "analyse", "deliver", "maintenance")]
    files = [Path(f"/proc/{pid}/{name}") for pid in roles for name in ("cmdline", "comm")]
    return b"\n".join(file.read_bytes() for file in files)


def assert_private(folder: Path) -> None:
    """See that nobody but the owner may enter a folder or read a file."""
    wrong = {
        str(path): oct(stat.S_IMODE(path.stat().st_mode))
        for path in folder.rglob("*")
        if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)
    }
    assert wrong == {}


def test_nothing_tells_who_the_patients_are(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    quoting: QuotingPacs,
    good: list[Path],
    bad: list[Path],
    database_url: str,
    tmp_path: Path,
) -> None:
    """Through all that may happen to films, on both databases, with everything logged."""
    with no_umask():
        node = make_node(
            destinations=[destination, quoting.destination()],
            database={"url": database_url},
            log={"level": "debug", "format": "console"},
            queue={"delivery": {"attempts": 2, "first": 0.1, "cap": 0.1}},
        )
        node.serve()
    assert dcmsend(node.port, *good, *bad, called_ae=AE_TITLE).succeeded
    assert dcmsend(node.port, *good[:2], called_ae=AE_TITLE).succeeded  # once more
    send_what_is_refused(node, good[0])
    jobs = node.wait_all(len(good) + len(bad), timeout=240)
    states = {state: [job for job in jobs if job.state is state] for state in JobState}
    # The archive that refuses everything makes FAILED of every job with results.
    assert len(states[JobState.FAILED]) == len(good)
    assert len(states[JobState.REJECTED]) == len(bad)
    assert orthanc.count() == 2 * len(good)
    assert quoting.refused >= 2 * len(good)

    uid = str(dcmread(good[0], stop_before_pixels=True).SOPInstanceUID)
    config = ("--config", node.file)
    failed = str(node.job_detail(uid).job.id)
    for words in (
        ("jobs", "list", *config),
        ("jobs", "list", "--json", *config),
        ("jobs", "reasons", *config),
        ("jobs", "reasons", "--json", *config),
        ("jobs", "show", uid, *config),
        ("jobs", "show", uid, "--json", *config),
        ("jobs", "retry", failed, *config),
        ("jobs", "reanalyse", "999", *config),
        ("doctor", *config),
        ("doctor", "--json", *config),
        ("conformance", *config),
        ("db", "adopt", "--json", *config),
    ):
        done = osteoscreen(*words)
        search(done.stdout + done.stderr, " ".join(map(str, words)))
    search(titles(node), "process titles")
    table = tmp_path / "dxa.csv"
    table.write_text(f"patient_id,date,t_score\n{PATIENT['PatientID']},2026-01-01,-2.5\n")
    for words in (("outcomes", "import", table, *config), ("thresholds", "replay", *config)):
        done = osteoscreen(*words)
        assert done.returncode == 0, done.stderr
        search(done.stdout + done.stderr, " ".join(map(str, words)))
    table.unlink()
    node.wait_all(len(jobs))
    node.stop()
    log = (node.file.parent / "node.log").read_bytes()
    assert b"film_received" in log
    search(log, "log")
    with open_engine(load(node.file).database.url).connect() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(sa.select(table)).all()
            assert rows or table.name in UNUSED
            search("\n".join(map(repr, rows)), table.name)
    assert_private(tmp_path / "node" / "spool")
    for file in tmp_path.glob("jobs.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        search(file.read_bytes(), file.name)


def test_after_the_purge_nothing_of_the_patient_lies_on_the_disk(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path, tmp_path: Path
) -> None:
    """`retention.films: 0` and `results: 0`: gone at the first purge after delivery."""
    patients = write_to_new_study(film, tmp_path / "patient.dcm", **PATIENT)
    node = make_node(
        destinations=[destination],
        retention={"films": 0, "results": 0},
        schedule={"purge": 0.5},
    )
    with no_umask():
        node.serve()
    folder = node.file.parent
    assert dcmsend(node.port, patients, called_ae=AE_TITLE).succeeded
    [job] = node.wait_all(1)
    assert job.state is JobState.DONE
    spool = folder / "spool"
    wait_until(
        lambda: [path.name for path in spool.rglob("*") if path.is_file()],
        lambda left: left == [NAME],
        timeout=60,
        goal="spool with nothing but the key of pseudonyms",
    )
    assert orthanc.count() == 2
    for path in folder.rglob("*"):
        if path.is_file():
            search(path.read_bytes(), str(path))
    made = [path for path in folder.iterdir() if path.name not in ("config.yaml", "node.log")]
    assert {path.name for path in made} >= {"spool", "osteoscreen.db", "osteoscreen.db-wal"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} == {0o600}
    assert_private(spool)


def test_demo_and_screen_write_for_their_user_alone(film: Path, tmp_path: Path) -> None:
    """Results and tables are 0600 whatever the umask, and what is printed names nobody."""
    folder = tmp_path / "films"
    folder.mkdir()
    patients = write_to_new_study(film, folder / "one.dcm", **PATIENT)
    with no_umask():
        for words in (
            ("demo", patients, "--out", tmp_path / "demo"),
            ("screen", folder, "--out", tmp_path / "scores.csv", "--json"),
        ):
            done = osteoscreen(*words)
            assert done.returncode == 0, done.stderr
            search(done.stdout + done.stderr, str(words[0]))
    search((tmp_path / "demo" / "summary.json").read_bytes(), "summary")
    search((tmp_path / "scores.csv").read_bytes(), "table")
    assert_private(tmp_path / "demo")
    assert stat.S_IMODE((tmp_path / "scores.csv").stat().st_mode) == 0o600


def test_the_search_finds_what_it_looks_for() -> None:
    """In any letter case, as text, as escapes and in the hospital's own character set."""
    for leak in ("ZYXOMARK", "\\u6b27\\u9633\\u6d4b\\u8bd5", CHINESE.encode("gb18030"), CHINESE):
        with pytest.raises(AssertionError, match="somewhere"):
            search(leak, "somewhere")
