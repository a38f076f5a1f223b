"""Users provide densitometry tables, manifests, and the YAML files of a bundle.

Each file is read completely, or is refused with a message of one line.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from random import Random

from models.bundle.card import Card
from models.calibration.clinical_cohort import TableError, read_people
from models.clinical.model import ClinicalModel
from models.dataset.entry import ManifestError
from models.dataset.manifest import COLUMNS, read_manifest
from models.io.yaml_text import YamlError, parse_yaml
from node.cli.thresholds import lines_of
from node.domain.errors import Misconfigured
from node.domain.radiograph.pseudonym import pseudonym
from node.inference.card_summary import CardSummary, bundle_folder
from node.replay.densitometry_csv import read_table
from tests.fuzz.chance import mutate, weighted_choice
from tests.fuzz.surface import InvariantViolation, check_one_line, has_control_characters
from tests.fuzz.texts import YAML_VALUES, hostile_text

_MAX_MESSAGE = 1000  # characters; the message may name five rows
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
        table = read_table(
            lines_of(_write_table(rnd, folder, _SCANS)), partial(pseudonym, bytes(32))
        )
    except Misconfigured as error:
        check_one_line(error)
        return "refused"
    if any(
        has_control_characters(fault.reason) or len(fault.reason) > 200 for fault in table.faults
    ):
        raise InvariantViolation("an error of a table is not one line")
    if bool(table.faults) == bool(table.measurements):
        raise InvariantViolation("a table is neither read completely nor refused")
    return "refused" if table.faults else "read"


def _films(rnd: Random, folder: Path) -> str:
    read = partial(read_manifest, _write_table(rnd, folder, _FILMS), labelled=rnd.random() < 0.5)
    return _read_or_refuse(read, ManifestError)


def _people(rnd: Random, folder: Path) -> str:
    return _read_or_refuse(partial(read_people, _write_table(rnd, folder, _FILMS)), TableError)


def _card(rnd: Random, _folder: Path) -> str:
    return _read_or_refuse(partial(parse_yaml, _bundle_file(rnd, "card.yaml"), Card), YamlError)


def _clinical(rnd: Random, _folder: Path) -> str:
    return _read_or_refuse(
        partial(parse_yaml, _bundle_file(rnd, "clinical.yaml"), ClinicalModel), YamlError
    )


def _points(rnd: Random, folder: Path) -> str:
    (folder / "card.yaml").write_text(_bundle_file(rnd, "card.yaml"), "utf-8")
    return _read_or_refuse(partial(CardSummary.read, f"{folder}/"), Misconfigured)


def _read_or_refuse(read: Callable[[], object], refusal: type[Exception]) -> str:
    try:
        read()
    except refusal as error:
        check_one_line(error, _MAX_MESSAGE)
        return "refused"
    return "read"


def _write_table(rnd: Random, folder: Path, valid: Sequence[bytes]) -> Path:
    """Write a valid table with changed cells or bytes, a random table, or random bytes."""
    content = b"\n".join([valid[0], *(_change_cells(rnd, line) for line in valid[1:])])
    path = folder / "table.csv"
    table = weighted_choice(
        rnd,
        (4, content),
        (4, mutate(rnd, content)),
        (3, _random_table(rnd)),
        (1, hostile_text(rnd)),
    )
    path.write_bytes(table)
    return path


def _change_cells(rnd: Random, line: bytes) -> bytes:
    return b",".join(_cell(rnd) if rnd.random() < 0.03 else cell for cell in line.split(b","))


def _random_table(rnd: Random) -> bytes:
    """Return a table with known column names and random cells."""
    separator = rnd.choice((b",", b",", b";", b"\t"))
    columns = rnd.sample(_COLUMNS, rnd.randint(1, len(_COLUMNS)))
    lines = [separator.join(columns)]
    for _ in range(rnd.choice((0, 1, 3, 30))):
        width = rnd.choice((len(columns), len(columns), rnd.randrange(40)))
        lines.append(separator.join(_cell(rnd) for _ in range(width)))
    return rnd.choice((b"\n", b"\r\n", b"\r")).join(lines)


def _cell(rnd: Random) -> bytes:
    return rnd.choice(_CELLS) if rnd.random() < 0.8 else hostile_text(rnd)


def _bundle_file(rnd: Random, part: str) -> str:
    """Return a file of the shipped bundle with mutated bytes or values, or another text."""
    nested = rnd.choice(("[", "{", "- ")) * rnd.choice((30, 1500))
    valid = _shipped(part)
    changed = mutate(rnd, valid).decode("utf-8", "replace")
    values = re.sub(rb"(?<=: ).+", lambda match: _value(rnd, match[0]), valid).decode()
    other = hostile_text(rnd).decode("latin-1")
    return weighted_choice(rnd, (8, changed), (8, values), (2, other), (1, nested))


def _value(rnd: Random, value: bytes) -> bytes:
    """Return the value, or another value in 3 % of the cases."""
    return value if rnd.random() < 0.97 else rnd.choice(YAML_VALUES).encode()


@cache
def _shipped(part: str) -> bytes:
    return (bundle_folder("demo") / part).read_bytes()
