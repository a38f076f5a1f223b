"""Hostile input, by the hundred thousand: `python -m tests.fuzz`.

    python -m tests.fuzz                           the full run, 200,000 cases
    python -m tests.fuzz --cases 2000              all surfaces, fewer cases each
    python -m tests.fuzz --only header             one surface
    python -m tests.fuzz --only header --case 17   one case again, with its traceback

A case depends on seed, surface and number alone. The table goes to `--out`, findings to standard
error; the exit status is 1 where there are any.
"""

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.fuzz.chance import chance_of
from tests.fuzz.network import run_there
from tests.fuzz.surface import Tally
from tests.fuzz.surfaces import HERE, THERE, load
from tests.fuzz.table import table
from tests.fuzz.workers import run_here
from tests.support.document_section import replace_section

MIX = {
    "header": 122_000,
    "pixels": 30_000,
    "results": 1_500,
    "config": 8_500,
    "files": 8_000,
    "pdu": 16_000,
    "dimse": 14_000,
}
"""How many cases of each surface make the full run: cheap ones have more."""
SEED = 20260101


def main() -> None:
    """Run, tell, and leave with 1 where something was found."""
    options = _options()
    if options.case is not None:
        _again(options)
        return
    tallies = _run(options)
    command = " ".join(["python -m tests.fuzz", *sys.argv[1:]])
    text = table(tallies, options.seed, command, datetime.now(UTC).date())
    if options.out:
        replace_section(options.out, "fuzz", text)
    Console().print(text, markup=False, highlight=False, soft_wrap=True)
    found = [one for tally in tallies for one in tally.findings]
    for one in found:
        Console(stderr=True).print(
            f"{one.surface} {options.seed} {one.case}: {one.what}", markup=False, soft_wrap=True
        )
    sys.exit(bool(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--cases", type=int, default=sum(MIX.values()), help="in all")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", choices=MIX, help="this surface, with its share of the cases")
    parser.add_argument("--case", type=int, help="this case of the surface that --only names")
    parser.add_argument("--workers", type=int, default=2, help="processes for what runs here")
    parser.add_argument("--out", type=Path, help="a page with a section `fuzz`")
    options = parser.parse_args()
    if options.case is not None and not options.only:
        parser.error("--case needs --only: the surface whose case it is")
    return options


def _run(options: argparse.Namespace) -> list[Tally]:
    share = options.cases / sum(MIX.values())
    wanted = {name: round(count * share) for name, count in MIX.items()}
    names = [name for name in wanted if options.only in (None, name)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    tallies = []
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        for name in names:
            task = progress.add_task(name, total=wanted[name])
            seen = lambda task=task: progress.advance(task)  # noqa: E731
            cases = range(wanted[name])
            if name in THERE:
                tallies.append(run_there(name, options.seed, cases, seen))
            else:
                tallies.append(run_here(name, options.seed, cases, options.workers, seen))
    return tallies


def _again(options: argparse.Namespace) -> None:
    """Run one case: in this process, so that a debugger sees it, where it needs no node."""
    if options.only in HERE:
        rnd = chance_of(options.seed, options.only, options.case)
        with tempfile.TemporaryDirectory() as folder:
            Console().print(load(options.only).run(rnd, Path(folder)))
        return
    cases = range(options.case, options.case + 1)
    tally = run_there(options.only, options.seed, cases, lambda: None)
    found = [one.what for one in tally.findings]
    Console().print(*(found or tally.outcomes), markup=False)


if __name__ == "__main__":
    main()
