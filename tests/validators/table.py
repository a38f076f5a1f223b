"""Judge the whole matrix, and write the table of the documentation.

    python -m tests.validators.table [--out docs/reference/validation.md] [--processes 2]

Over 800 cases of three documents and, for most, a heatmap: half an hour on two processors. The
status is 1 where a judge has anything to say.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import track

from node.domain.workflow.delivery import ResultKind
from node.results.encode import to_bytes
from tests.validators.cases import Case, cases
from tests.validators.judges import DOCUMENT_JUDGES, IMAGE_JUDGES
from tests.validators.results import results_of

Remarks = dict[str, list[str]]


def judge(case: Case) -> Remarks:
    """Return what each judge remarks on all objects of a case."""
    said: Remarks = {name: [] for name in DOCUMENT_JUDGES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for built in results_of(case, folder):
            path = folder / f"{built.content.SOPInstanceUID}.dcm"
            path.write_bytes(to_bytes(built.content))
            assert str(built.content.PatientName) == case.name.shown
            judges = IMAGE_JUDGES if built.kind is ResultKind.HEATMAP else DOCUMENT_JUDGES
            for title, ask in judges.items():
                said[title].extend(ask(path))
    return said


def _judge_number(number: int) -> Remarks:
    """Judge one case in another process, which makes its own: functions do not travel."""
    return judge(cases()[number])


def main() -> None:
    """Judge every case and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    console = Console(stderr=True)
    found = _judged(options.processes, console)
    text = "\n".join(_page(found)) + "\n"
    if options.out:
        options.out.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    sys.exit(any(lines for _, remarks in found for lines in remarks.values()))


def _judged(processes: int, console: Console) -> list[tuple[Case, Remarks]]:
    """Judge a matrix, and say at once what is remarked; what fails to be built is a remark."""
    os.environ["OMP_NUM_THREADS"] = "1"  # one processor for each process
    found = []
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, fresh) as pool:
        pending = [(case, pool.submit(_judge_number, n)) for n, case in enumerate(cases())]
        for case, future in track(pending, "cases", console=console):
            try:
                remarks = future.result()
            except Exception as error:  # noqa: BLE001 - one case must not cost the others
                remarks = {title: [repr(error)] for title in DOCUMENT_JUDGES}
            found.append((case, remarks))
            for title, lines in remarks.items():
                for line, count in Counter(lines).items():
                    console.print(f"{case.title}: {title}: {line} ({count})", markup=False)
    return found


def _page(found: Sequence[tuple[Case, Remarks]]) -> Iterator[str]:
    yield from _HEAD
    yield f"In all {len(found)} cases."
    yield from _table("film", found, [case.film.title for case, _ in found])
    texts = [f"{case.name.title}, {case.language}" for case, _ in found]
    yield from _table("patient's name, language of the report", found, texts)


def _table(
    heading: str, found: Sequence[tuple[Case, Remarks]], keys: Sequence[str]
) -> Iterator[str]:
    """Yield a table of remarks by key, in the order in which keys appear."""
    yield from ("", f"| {heading} | cases | {' | '.join(DOCUMENT_JUDGES)} |")
    yield "|---|---|" + "---|" * len(DOCUMENT_JUDGES)
    for key in dict.fromkeys(keys):
        rows = [remarks for (_, remarks), of in zip(found, keys, strict=True) if of == key]
        cells = [str(sum(len(one[judge]) for one in rows)) for judge in DOCUMENT_JUDGES]
        yield f"| {key} | {len(rows)} | {' | '.join(cells)} |"


_HEAD = (
    "# What validators say",
    "",
    "Every kind of result of every kind of film, judged by programs that are not ours: dciodvfy "
    "(dicom3tools), dsrdump and dsr2html (DCMTK), DicomSRValidator (PixelMed). Each film comes "
    "with a name in every character set, and has its results in every language; of each case "
    "there are a Comprehensive 3D SR, a Comprehensive SR and a Basic Text SR, which all four "
    "judge, and, where there is a score, the heatmap, which dciodvfy judges.",
    "",
    "A figure counts errors and warnings, beyond the warnings that "
    "`tests/support/validators.py` and `tests/validators/pixelmed.py` allow by name, each with "
    "its reason. Written by `make validators`.",
    "",
)


if __name__ == "__main__":
    main()
