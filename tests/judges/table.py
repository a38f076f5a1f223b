"""Judge the whole matrix, and write the table of the documentation.

    python -m tests.judges.table [--out docs/validation.md]

PixelMed's validator takes seven to eleven seconds for each document, three to a film. The status
is 1 where a judge has anything to say.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track

from node.domain.delivery import ResultKind
from node.results.encode import to_bytes
from tests.judges.cases import Case, cases
from tests.judges.judges import DOCUMENT_JUDGES, IMAGE_JUDGES
from tests.judges.results import results_of

Remarks = dict[str, list[str]]


def judge(case: Case, folder: Path) -> Remarks:
    """Return what each judge remarks on all objects of a case; no key for one not asked."""
    said: Remarks = {}
    for built in results_of(case, folder):
        path = folder / f"{built.content.SOPInstanceUID}.dcm"
        path.write_bytes(to_bytes(built.content))
        assert str(built.content.PatientName) == case.shown
        judges = IMAGE_JUDGES if built.kind is ResultKind.HEATMAP else DOCUMENT_JUDGES
        for name, ask in judges.items():
            said.setdefault(name, []).extend(ask(path))
    return said


def main() -> None:
    """Judge every case and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    console = Console(stderr=True)
    found: list[tuple[Case, Remarks]] = []
    for case in track(cases(), "cases", console=console):
        with tempfile.TemporaryDirectory() as folder:
            found.append((case, judge(case, Path(folder))))
    text = "\n".join(_lines(found)) + "\n"
    if options.out:
        options.out.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    for case, remarks in found:
        for name, lines in remarks.items():
            for line, count in Counter(lines).items():
                console.print(f"{case.title}: {name}: {line} ({count})", markup=False)
    sys.exit(any(lines for _, remarks in found for lines in remarks.values()))


def _lines(found: list[tuple[Case, Remarks]]) -> Iterator[str]:
    yield from _HEAD
    yield f"| film | language | {' | '.join(DOCUMENT_JUDGES)} |"
    yield "|---|---|" + "---|" * len(DOCUMENT_JUDGES)
    for case, remarks in found:
        cells = [str(len(remarks[name])) for name in DOCUMENT_JUDGES]
        yield f"| {case.title} | {case.language} | {' | '.join(cells)} |"


_HEAD = (
    "# What validators say",
    "",
    "Every kind of result of every kind of film, judged by programs that are not ours: dciodvfy "
    "(dicom3tools), dsrdump and dsr2html (DCMTK), DicomSRValidator (PixelMed). A figure counts "
    "errors and warnings, beyond the warnings that `tests/unit/results/validators.py` and "
    "`tests/judges/judges.py` allow by name, each with its reason. For every film: "
    "Comprehensive 3D SR, Comprehensive SR and Basic Text SR by all four, the heatmap by "
    "dciodvfy. Written by `python -m tests.judges.table --out docs/validation.md`.",
    "",
)


if __name__ == "__main__":
    main()
