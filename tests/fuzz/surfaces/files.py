"""Files that people hand over: tables of densitometry, of films, of people; the parts of a bundle
that are words. Read, or refused in one clear line.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from random import Random

from models.bundle.card import CardError
from models.bundle.card import parse_card as parse_card
from models.calibration.clinical_cohort import TableError, read_people
from models.clinical.model import ClinicalError, parse_clinical
from models.dataset.entry import ManifestError
from models.dataset.manifest import COLUMNS, read_manifest
from node.cli.thresholds import lines_of
from node.domain.errors import Misconfigured
from node.domain.radiograph.pseudonym import pseudonym
from node.inference.card_summary import CardSummary, bundle_folder
from node.replay.densitometry_csv import read_table
from tests.fuzz.chance import mutated, weighed
from tests.fuzz.surface import Wrong, has_control, one_line
from tests.fuzz.texts import YAML_VALUES, text

_MOST_SAID = 1000  # five rows, each with its fault
_CELLS = (
    *(b"", b" ", b"0", b"-1", b"1e999", b"nan", b"inf", b"-2.5", b"2,5", b"9" * 400, b"0x10"),
    *(b"2026-03-01", b"20260301", b"2026-02-30", b"0000-00-00", b"2026-3-1", b"\xef\xbc\x92"),
    *(b"F", b"M", b"train", b"test", b"PA", b"film.png", b"..", b"a\nb", b'"', b'""', b";", b","),
)
_COLUMNS = (
    *(name.encode() for name in COLUMNS),
    *(b"patient_id", b"date", b"issuer", b"t_score_spine", b"t_score_neck", b"t_score", b""),
    *(b"age_years", b"wtmec2yr", b"sdmvstra", b"sdmvpsu", b"file", b"PATIENT_ID"),
)
_SCANS = (
    b"patient_id,issuer,date,t_score_spine,t_score_neck",
    b"4711,KH,2026-03-01,-2.5,-1",
    b"4712,,20260302,,0.4",
)
_FILMS = (
    b"path,patient_id,site,split,label,t_score,age,sex,weight_kg,height_cm,view",
    b"a.png,1,A,train,0,-1.2,67,F,60,160,PA",
    b"b.png,2,A,train,1,-2.9,71,M,70.5,171,AP",
    b"c.png,3,B,test,1,,80,F,55,150,PA",
)


def run(rnd: Random, folder: Path) -> str:
    """Read one hostile file."""
    read = rnd.choice((_densitometry, _films, _people, _card, _points, _clinical))
    return read(rnd, folder)


def _densitometry(rnd: Random, folder: Path) -> str:
    try:
        table = read_table(lines_of(_written(rnd, folder, _SCANS)), partial(pseudonym, bytes(32)))
    except Misconfigured as error:
        one_line(error)
        return "refused"
    if any(has_control(fault.reason) or len(fault.reason) > 200 for fault in table.faults):
        raise Wrong("a fault of a table is not one clear line")
    if bool(table.faults) == bool(table.measurements):
        raise Wrong("a table is neither read whole nor refused")
    return "refused" if table.faults else "read"


def _films(rnd: Random, folder: Path) -> str:
    read = partial(read_manifest, _written(rnd, folder, _FILMS), labelled=rnd.random() < 0.5)
    return _tried(read, ManifestError)


def _people(rnd: Random, folder: Path) -> str:
    return _tried(partial(read_people, _written(rnd, folder, _FILMS)), TableError)


def _card(rnd: Random, _folder: Path) -> str:
    return _tried(partial(parse_card, _words(rnd, "card.yaml")), CardError)


def _clinical(rnd: Random, _folder: Path) -> str:
    return _tried(partial(parse_clinical, _words(rnd, "clinical.yaml")), ClinicalError)


def _points(rnd: Random, folder: Path) -> str:
    (folder / "card.yaml").write_text(_words(rnd, "card.yaml"), "utf-8")
    return _tried(partial(CardSummary.read, f"{folder}/"), Misconfigured)


def _tried(read: Callable[[], object], refusal: type[Exception]) -> str:
    try:
        read()
    except refusal as error:
        one_line(error, _MOST_SAID)
        return "refused"
    return "read"


def _written(rnd: Random, folder: Path, sound: Sequence[bytes]) -> Path:
    """Write a table: a sound one with other cells or bytes, one of any columns and cells, noise."""
    content = b"\n".join([sound[0], *(_with_other_cells(rnd, line) for line in sound[1:])])
    path = folder / "table.csv"
    chosen = weighed(rnd, (4, content), (4, mutated(rnd, content)), (3, _any(rnd)), (1, text(rnd)))
    path.write_bytes(chosen)
    return path


def _with_other_cells(rnd: Random, line: bytes) -> bytes:
    return b",".join(_cell(rnd) if rnd.random() < 0.03 else cell for cell in line.split(b","))


def _any(rnd: Random) -> bytes:
    """Return a table of columns that one or another reader knows, and cells of every kind."""
    separator = rnd.choice((b",", b",", b";", b"\t"))
    columns = rnd.sample(_COLUMNS, rnd.randint(1, len(_COLUMNS)))
    lines = [separator.join(columns)]
    for _ in range(rnd.choice((0, 1, 3, 30))):
        width = rnd.choice((len(columns), len(columns), rnd.randrange(40)))
        lines.append(separator.join(_cell(rnd) for _ in range(width)))
    return rnd.choice((b"\n", b"\r\n", b"\r")).join(lines)


def _cell(rnd: Random) -> bytes:
    return rnd.choice(_CELLS) if rnd.random() < 0.8 else text(rnd)


def _words(rnd: Random, part: str) -> str:
    """Return a part of the shipped bundle with some of its bytes changed, or something else."""
    nested = rnd.choice(("[", "{", "- ")) * rnd.choice((30, 1500))
    sound = _shipped(part)
    changed = mutated(rnd, sound).decode("utf-8", "replace")
    values = re.sub(rb"(?<=: ).+", lambda found: _value(rnd, found[0]), sound).decode()
    other = text(rnd).decode("latin-1")
    return weighed(rnd, (8, changed), (8, values), (2, other), (1, nested))


def _value(rnd: Random, value: bytes) -> bytes:
    """Return a value as it is, or now and then another."""
    return value if rnd.random() < 0.97 else rnd.choice(YAML_VALUES).encode()


@cache
def _shipped(part: str) -> bytes:
    return (bundle_folder("demo") / part).read_bytes()
