"""Patient data are in films and results, and nowhere else.

The node receives films with searchable patient attributes. The tests search the log of the node,
the output of commands, the titles of processes, and the database.
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
    # Descriptions sometimes contain patient data.
    "StudyDescription": "CHEST PA ZYXOMARK 19310719",
    "SeriesDescription": "CHEST QUILLFEATHER PID-7731-Q",
}
PATIENT_DATA = (
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


def assert_no_patient_data(content: str | bytes, place: str) -> None:
    """Fail if the content has patient data; the message contains the words and the place."""
    raw = content.encode() if isinstance(content, str) else content
    lowered = raw.lower()
    needles = [word.encode() for word in PATIENT_DATA] + [CHINESE.encode("gb18030")]
    leaks = [needle for needle in needles if needle in lowered]
    assert not leaks, f"{place}: {leaks}"


@contextmanager
def no_umask() -> Iterator[None]:
    """Set the umask to 0, so that new files are readable for everybody by default."""
    old = os.umask(0)
    try:
        yield
    finally:
        os.umask(old)


UNUSED = ("alarm", "challenger", "drift", "drift_reference", "notice")
"""These tables are empty in this configuration, and never contain patient data."""


@pytest.fixture
def scored_films(film: Path, tmp_path: Path) -> list[Path]:
    """Return films that are scored, with unusual patient names."""
    films = [write_to_new_study(film, tmp_path / "plain.dcm", **PATIENT)]
    for kind, name in HOSTILE_NAMES.items():
        attributes = PATIENT | {"PatientName": name, "PatientComments": name}
        films.append(write_to_new_study(film, tmp_path / f"{kind}.dcm", **attributes))
    chinese = PATIENT | {"SpecificCharacterSet": "GB18030", "PatientName": CHINESE}
    films.append(write_to_new_study(film, tmp_path / "chinese.dcm", **chinese))
    return films


@pytest.fixture
def refused_films(film: Path, tmp_path: Path) -> list[Path]:
    """Return films that are refused: one by the policy, one because of its pixels."""
    mammogram = write_to_new_study(film, tmp_path / "mammogram.dcm", **PATIENT | {"Modality": "MG"})
    broken = write_to_new_study(film, tmp_path / "broken.dcm", **PATIENT)
    start_of_image = b"\xff\xd8\xff"
    assert start_of_image in broken.read_bytes()
    broken.write_bytes(broken.read_bytes().replace(start_of_image, bytes(3)))
    return [mammogram, broken]


@pytest.fixture
def quoting() -> Iterator[QuotingPacs]:
    """Return a PACS whose refusals contain the name of the patient."""
    pacs = QuotingPacs()
    yield pacs
    pacs.stop()


def send_without_study_uid(node: Node, film: Path) -> None:
    """Send a film without Study Instance UID; the node answers 0xC210."""
    ds = dcmread(film)
    ae = AE("MODALITY")
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
    """Check that only the owner has access to folder and files."""
    wrong = {
        str(path): oct(stat.S_IMODE(path.stat().st_mode))
        for path in folder.rglob("*")
        if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)
    }
    assert wrong == {}


def test_only_films_and_results_contain_patient_data(
    make_node: MakeNode,
    orthanc: Orthanc,
    destination: dict[str, Any],
    quoting: QuotingPacs,
    scored_films: list[Path],
    refused_films: list[Path],
    database_url: str,
    tmp_path: Path,
) -> None:
    """The node handles scored, failed, refused and repeated films, with debug logging."""
    with no_umask():
        node = make_node(
            destinations=[destination, quoting.destination()],
            database={"url": database_url},
            log={"level": "debug", "format": "console"},
            queue={"delivery": {"attempts": 2, "first": 0.1, "cap": 0.1}},
        )
        node.serve()
    node.send(*scored_films, *refused_films)
    node.send(*scored_films[:2])  # repeated
    send_without_study_uid(node, scored_films[0])
    jobs = node.wait_all(len(scored_films) + len(refused_films), timeout=240)
    states = {state: [job for job in jobs if job.state is state] for state in JobState}
    # Every job with results is FAILED, because one of the archives refuses everything.
    assert len(states[JobState.FAILED]) == len(scored_films)
    assert len(states[JobState.REJECTED]) == len(refused_films)
    assert orthanc.count() == 2 * len(scored_films)
    assert quoting.refused >= 2 * len(scored_films)

    uid = str(dcmread(scored_films[0], stop_before_pixels=True).SOPInstanceUID)
    config = ("--config", node.file)
    failed = str(node.job_detail(uid).job.id)
    for arguments in (
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
        process = osteoscreen(*arguments)
        assert_no_patient_data(process.stdout + process.stderr, " ".join(map(str, arguments)))
    assert_no_patient_data(titles(node), "process titles")
    table = tmp_path / "dxa.csv"
    table.write_text(f"patient_id,date,t_score\n{PATIENT['PatientID']},2026-01-01,-2.5\n")
    for arguments in (("outcomes", "import", table, *config), ("thresholds", "replay", *config)):
        process = osteoscreen(*arguments)
        assert process.returncode == 0, process.stderr
        assert_no_patient_data(process.stdout + process.stderr, " ".join(map(str, arguments)))
    table.unlink()
    node.wait_all(len(jobs))
    node.stop()
    log = (node.file.parent / "node.log").read_bytes()
    assert b"film_received" in log
    assert_no_patient_data(log, "log")
    with open_engine(load(node.file).database.url).connect() as connection:
        for table in metadata.sorted_tables:
            rows = connection.execute(sa.select(table)).all()
            assert rows or table.name in UNUSED
            assert_no_patient_data("\n".join(map(repr, rows)), table.name)
    assert_private(tmp_path / "node" / "spool")
    for file in tmp_path.glob("jobs.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert_no_patient_data(file.read_bytes(), file.name)


def test_after_the_purge_no_patient_data_are_on_the_disk(
    make_node: MakeNode, orthanc: Orthanc, destination: dict[str, Any], film: Path, tmp_path: Path
) -> None:
    """With a retention of 0 for films and results, the first purge deletes all patient data."""
    patient_film = write_to_new_study(film, tmp_path / "patient.dcm", **PATIENT)
    node = make_node(
        destinations=[destination],
        retention={"films": 0, "results": 0},
        schedule={"purge": 0.5},
    )
    with no_umask():
        node.serve()
    folder = node.file.parent
    node.send(patient_film)
    [job] = node.wait_all(1)
    assert job.state is JobState.DONE
    spool = folder / "spool"
    wait_until(
        lambda: {path.suffix for path in spool.rglob("*") if path.is_file()},
        lambda suffixes: suffixes == {Path(NAME).suffix, ".lock"},
        timeout=60,
        goal="spool with only the pseudonym key and the lock of the node",
    )
    assert orthanc.count() == 2
    for path in folder.rglob("*"):
        if path.is_file():
            assert_no_patient_data(path.read_bytes(), str(path))
    written = [path for path in folder.iterdir() if path.name not in ("config.yaml", "node.log")]
    assert {path.name for path in written} >= {"spool", "osteoscreen.db", "osteoscreen.db-wal"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written if path.is_file()} == {0o600}
    assert_private(spool)


def test_files_of_demo_and_screen_are_private(film: Path, tmp_path: Path) -> None:
    """Results and tables have mode 0600 for any umask, and the output has no patient data."""
    folder = tmp_path / "films"
    folder.mkdir()
    patient_film = write_to_new_study(film, folder / "film.dcm", **PATIENT)
    with no_umask():
        for arguments in (
            ("demo", patient_film, "--out", tmp_path / "demo"),
            ("screen", folder, "--out", tmp_path / "scores.csv", "--json"),
        ):
            process = osteoscreen(*arguments)
            assert process.returncode == 0, process.stderr
            assert_no_patient_data(process.stdout + process.stderr, str(arguments[0]))
    assert_no_patient_data((tmp_path / "demo" / "summary.json").read_bytes(), "summary")
    assert_no_patient_data((tmp_path / "scores.csv").read_bytes(), "table")
    assert_private(tmp_path / "demo")
    assert stat.S_IMODE((tmp_path / "scores.csv").stat().st_mode) == 0o600


def test_patient_data_are_found_in_every_encoding() -> None:
    """The search finds patient data in any letter case, as text, as escapes and in GB18030."""
    for leak in ("ZYXOMARK", "\\u6b27\\u9633\\u6d4b\\u8bd5", CHINESE.encode("gb18030"), CHINESE):
        with pytest.raises(AssertionError, match="somewhere"):
            assert_no_patient_data(leak, "somewhere")
