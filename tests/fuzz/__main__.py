"""Run hostile inputs against every attack surface: `python -m tests.fuzz`.

    python -m tests.fuzz                           the full run, 200,000 cases
    python -m tests.fuzz --cases 2000              all surfaces, fewer cases each
    python -m tests.fuzz --only header             one surface
    python -m tests.fuzz --only header --case 17   repeat one case, with its traceback

A case depends only on seed, surface and number. The table is written to `--out`, and findings to
standard error. The exit status is 1 if there are findings.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.fuzz.chance import case_random
from tests.fuzz.network import run_against_node
from tests.fuzz.surface import SurfaceResult
from tests.fuzz.surfaces import FUNCTION_SURFACES, NETWORK_SURFACES, load
from tests.fuzz.table import markdown_table
from tests.fuzz.workers import run_in_processes
from tests.support.document_section import replace_section

CASES = {
    "header": 122_000,
    "pixels": 30_000,
    "results": 1_500,
    "config": 8_500,
    "files": 8_000,
    "pdu": 16_000,
    "dimse": 14_000,
}
"""The number of cases of each surface in a full run; fast surfaces have more cases."""
SEED = 20260101


def main() -> None:
    """Run the cases, write the table, and exit with 1 if there are findings."""
    options = _parse_options()
    if options.case is not None:
        _repeat_case(options)
        return
    results = _run(options)
    command = " ".join(["python -m tests.fuzz", *sys.argv[1:]])
    text = markdown_table(results, options.seed, command, datetime.now(UTC).date())
    if options.out:
        replace_section(options.out, "fuzz", text)
    Console().print(text, markup=False, highlight=False, soft_wrap=True)
    findings = [finding for result in results for finding in result.findings]
    for finding in findings:
        line = f"{finding.surface} {options.seed} {finding.case}: {finding.text}"
        Console(stderr=True).print(line, markup=False, soft_wrap=True)
    sys.exit(bool(findings))


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--cases", type=int, default=sum(CASES.values()), help="total")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", choices=CASES, help="run this surface, with its share of cases")
    parser.add_argument("--case", type=int, help="repeat this case of the surface in --only")
    parser.add_argument("--workers", type=int, default=2, help="number of worker processes")
    parser.add_argument("--out", type=Path, help="page with a section `fuzz`")
    options = parser.parse_args()
    if options.case is not None and not options.only:
        parser.error("--case needs --only: name the surface of the case")
    return options


def _run(options: argparse.Namespace) -> list[SurfaceResult]:
    share = options.cases / sum(CASES.values())
    counts = {name: round(count * share) for name, count in CASES.items()}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    results = []
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        for name in (name for name in counts if options.only in (None, name)):
            on_case = partial(progress.advance, progress.add_task(name, total=counts[name]))
            cases = range(counts[name])
            if name in NETWORK_SURFACES:
                results.append(run_against_node(name, options.seed, cases, on_case))
            else:
                workers = options.workers
                results.append(run_in_processes(name, options.seed, cases, workers, on_case))
    return results


def _repeat_case(options: argparse.Namespace) -> None:
    """Run one case; a case without a network runs in this process, where a debugger can stop."""
    if options.only in FUNCTION_SURFACES:
        rnd = case_random(options.seed, options.only, options.case)
        with tempfile.TemporaryDirectory() as folder:
            Console().print(load(options.only).run(rnd, Path(folder)))
        return
    cases = range(options.case, options.case + 1)
    result = run_against_node(options.only, options.seed, cases, lambda: None)
    findings = [finding.text for finding in result.findings]
    Console().print(*(findings or result.outcomes), markup=False)


if __name__ == "__main__":
    main()
