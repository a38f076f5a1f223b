"""Validate the results of every case, and write the table of docs/reference/validation.md.

    python -m tests.validators.table [--out docs/reference/validation.md] [--processes 2]

There are more than 800 cases. A run takes half an hour on two cores.
The exit status is 1 if a validator has a remark.
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
from tests.validators.programs import DOCUMENT_VALIDATORS, IMAGE_VALIDATORS
from tests.validators.results import build_case_results

Remarks = dict[str, list[str]]
"""The remarks of each validator."""


def validate(case: Case) -> Remarks:
    """Return the remarks of each validator on all objects of a case."""
    remarks: Remarks = {name: [] for name in DOCUMENT_VALIDATORS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for result in build_case_results(case, folder):
            path = folder / f"{result.content.SOPInstanceUID}.dcm"
            path.write_bytes(to_bytes(result.content))
            assert str(result.content.PatientName) == case.name.decoded
            heatmap = result.kind is ResultKind.HEATMAP
            validators = IMAGE_VALIDATORS if heatmap else DOCUMENT_VALIDATORS
            for title, validator in validators.items():
                remarks[title].extend(validator(path))
    return remarks


def _validate_number(number: int) -> Remarks:
    """Validate a case by its number, because a case cannot be pickled."""
    return validate(cases()[number])


def main() -> None:
    """Validate every case and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="page to write; standard output by default")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    console = Console(stderr=True)
    results = _validate_all(options.processes, console)
    text = "\n".join(_page(results)) + "\n"
    if options.out:
        options.out.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)
    sys.exit(any(lines for _, remarks in results for lines in remarks.values()))


def _validate_all(processes: int, console: Console) -> list[tuple[Case, Remarks]]:
    """Validate all cases and print remarks immediately; a failed case is a remark."""
    os.environ["OMP_NUM_THREADS"] = "1"  # each process uses one core
    results = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context) as pool:
        pending = [(case, pool.submit(_validate_number, n)) for n, case in enumerate(cases())]
        for case, future in track(pending, "cases", console=console):
            try:
                remarks = future.result()
            except Exception as error:  # noqa: BLE001 - the other cases continue
                remarks = {title: [repr(error)] for title in DOCUMENT_VALIDATORS}
            results.append((case, remarks))
            for title, lines in remarks.items():
                for line, count in Counter(lines).items():
                    console.print(f"{case.title}: {title}: {line} ({count})", markup=False)
    return results


def _page(results: Sequence[tuple[Case, Remarks]]) -> Iterator[str]:
    yield from _HEAD
    yield f"Total: {len(results)} cases."
    yield from _table("film", results, [case.film.title for case, _ in results])
    keys = [f"{case.name.title}, {case.language}" for case, _ in results]
    yield from _table("patient name, language of the report", results, keys)


def _table(
    heading: str, results: Sequence[tuple[Case, Remarks]], keys: Sequence[str]
) -> Iterator[str]:
    """Yield the lines of a table with the number of remarks for each key."""
    yield from ("", f"| {heading} | cases | {' | '.join(DOCUMENT_VALIDATORS)} |")
    yield "|---|---|" + "---|" * len(DOCUMENT_VALIDATORS)
    by_key: dict[str, list[Remarks]] = {}
    for key, (_, remarks) in zip(keys, results, strict=True):
        by_key.setdefault(key, []).append(remarks)
    for key, rows in by_key.items():
        cells = [str(sum(len(row[title]) for row in rows)) for title in DOCUMENT_VALIDATORS]
        yield f"| {key} | {len(rows)} | {' | '.join(cells)} |"


_HEAD = (
    "# Validation of results",
    "",
    "Four independent validators check the results of every kind of film: dciodvfy (dicom3tools), "
    "dsrdump and dsr2html (DCMTK), and DicomSRValidator (PixelMed). Each film is combined with a "
    "patient name in every character set and with every report language. Each case has a "
    "Comprehensive 3D SR, a Comprehensive SR and a Basic Text SR, which all four validators check. "
    "If there is a score, dciodvfy also checks the heatmap.",
    "",
    "The tables count errors and warnings. `tests/support/validators.py` and "
    "`tests/validators/pixelmed.py` list the warnings that are allowed, with the reasons. Written "
    "by `make validators`.",
    "",
)


if __name__ == "__main__":
    main()
