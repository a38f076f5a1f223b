"""What a run consists of, and how one that was stopped goes on."""

import random
from pathlib import Path

from tests.fault_injection.journal import Journal, Outcome
from tests.fault_injection.killing import MOMENTS, Target, plan_kills
from tests.fault_injection.page import lines, markdown
from tests.fault_injection.plan import KILL, NAMES, Wanted, draw_up


def outcome(key: str, seed: int = 1, lost: int = 0) -> Outcome:
    """Return a finished trial of two strikes and three films."""
    return Outcome(seed, key, 2, 3, lost, 0, 0, 1.0, ("lost: 1.2: gone",) * lost)


def test_every_fault_is_done_on_every_database_it_is_for() -> None:
    """Once each in a round; only PostgreSQL can be stopped."""
    trials = [trial for together in draw_up(Wanted(20, 1)) for trial in together]
    assert {trial.fault.name for trial in trials} == set(NAMES)
    assert len({trial.key for trial in trials}) == len(trials)
    for trial in trials:
        assert trial.database in trial.fault.databases
    both = {(t.fault.name, t.database) for t in trials}
    assert len(both) == sum(
        len(t.databases) for t in {t.fault.name: t.fault for t in trials}.values()
    )


def test_kills_are_shared_out_in_full() -> None:
    """At least as many as were asked for, in blocks, each in a house of its own."""
    plan = draw_up(Wanted(500, 2))
    kills = [together for together in plan if together[0].fault.name == KILL]
    assert all(len(together) == 1 for together in kills)
    assert len(kills) == 20
    assert plan[0][0].fault.name != KILL


def test_one_fault_alone() -> None:
    """What `--only` names, and nothing else."""
    [[trial]] = draw_up(Wanted(500, 1, ("sqlite",), ("PACS hangs",)))
    assert trial.key == "PACS hangs/sqlite/0"


def test_what_is_killed_and_when_follows_from_the_seed() -> None:
    """The same seed draws the same kills; every target and every moment comes up."""
    drawn = plan_kills(random.Random("1"), 400)
    assert plan_kills(random.Random("1"), 400) == drawn
    assert plan_kills(random.Random("2"), 400) != drawn
    assert {kill.target for kill in drawn} == set(Target)
    assert {kill.moment for kill in drawn} >= set(MOMENTS)


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    """What is finished is known by seed and key; half a line, of a kill -9, is not."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, seed=1)
    journal.add(outcome("a"))
    journal.add(outcome("b", lost=1))
    Journal(path, seed=2).add(outcome("c", seed=2))
    with path.open("a") as file:
        file.write('{"seed": 1, "key": "d"')
    assert Journal(path, seed=1).outcomes() == {"a": outcome("a"), "b": outcome("b", lost=1)}
    journal.finish()
    assert Journal(path, seed=1).outcomes() == {}


def test_the_table_adds_up_and_hides_nothing() -> None:
    """One line for each fault, one for all; a lost film stands in both."""
    plan = draw_up(Wanted(0, 1, only=("PACS hangs", "PACS resets")))
    keys = [trial.key for together in plan for trial in together]
    found = lines(
        plan, {key: outcome(key, lost=int(key.startswith("PACS resets"))) for key in keys}
    )
    assert [(line.fault, line.lost) for line in found] == [
        ("PACS hangs", 0),
        ("PACS resets", 2),
        ("all", 2),
    ]
    assert found[0].trials == "2 SQLite + 2 PostgreSQL"
    assert found[-1].acknowledged == 12
    assert (
        "| PACS resets | reset in the middle of a transfer | 2 SQLite + 2 PostgreSQL | 6 | 2 |"
        in (markdown(found, 1, 60.0))
    )
