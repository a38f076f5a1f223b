import random
from pathlib import Path

from tests.fault_injection.journal import Journal, TrialResult
from tests.fault_injection.kill_faults import TRIGGERS, Target, draw_kills
from tests.fault_injection.plan import FAULT_NAMES, KILL, PlanOptions, plan_trials
from tests.fault_injection.report import markdown_section, summarise


def make_result(key: str, seed: int = 1, lost: int = 0) -> TrialResult:
    """Return a finished trial with two injections and three films."""
    return TrialResult(seed, key, 2, 3, lost, 0, 0, 1.0, ("lost: 1.2: gone",) * lost)


def test_every_fault_is_injected_on_each_of_its_databases() -> None:
    trials = [trial for group in plan_trials(PlanOptions(20, 1)) for trial in group]
    assert {trial.fault.name for trial in trials} == set(FAULT_NAMES)
    assert len({trial.key for trial in trials}) == len(trials)
    databases = {trial.fault.name: set(trial.fault.databases) for trial in trials}
    assert databases == {
        name: {trial.database for trial in trials if trial.fault.name == name}
        for name in FAULT_NAMES
    }


def test_all_kills_are_divided_into_trials_with_separate_environments() -> None:
    plan = plan_trials(PlanOptions(500, 2))
    kills = [group for group in plan if group[0].fault.name == KILL]
    assert all(len(group) == 1 for group in kills)
    assert len(kills) == 20
    assert plan[0][0].fault.name != KILL


def test_only_selects_one_fault() -> None:
    [[trial]] = plan_trials(PlanOptions(500, 1, ("sqlite",), ("PACS hangs",)))
    assert trial.key == "PACS hangs/sqlite/0"


def test_the_seed_determines_the_kills() -> None:
    """The same seed gives the same kills. The kills include every target and every trigger."""
    kills = draw_kills(random.Random("1"), 400)
    assert draw_kills(random.Random("1"), 400) == kills
    assert draw_kills(random.Random("2"), 400) != kills
    assert {kill.target for kill in kills} == set(Target)
    assert {kill.trigger for kill in kills} >= set(TRIGGERS)


def test_a_stopped_run_resumes(tmp_path: Path) -> None:
    """Finished trials are identified by seed and key, and an incomplete line is ignored."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, seed=1)
    journal.add(make_result("a"))
    journal.add(make_result("b", lost=1))
    Journal(path, seed=2).add(make_result("c", seed=2))
    with path.open("a") as file:
        file.write('{"seed": 1, "key": "d"')
    results = Journal(path, seed=1).results()
    assert results == {"a": make_result("a"), "b": make_result("b", lost=1)}
    journal.finish()
    assert Journal(path, seed=1).results() == {}


def test_the_table_sums_every_trial() -> None:
    """The table has a row for each fault and one for all faults; a lost film counts in both."""
    plan = plan_trials(PlanOptions(0, 1, only=("PACS hangs", "PACS resets")))
    keys = [trial.key for group in plan for trial in group]
    results = {key: make_result(key, lost=int(key.startswith("PACS resets"))) for key in keys}
    summaries = summarise(plan, results)
    assert [(summary.fault, summary.lost) for summary in summaries] == [
        ("PACS hangs", 0),
        ("PACS resets", 2),
        ("all", 2),
    ]
    assert summaries[0].trials == "2 SQLite + 2 PostgreSQL"
    assert summaries[-1].acknowledged == 12
    row = "| PACS resets | reset during a transfer | 2 SQLite + 2 PostgreSQL | 6 | 2 |"
    assert row in markdown_section(summaries, 1, 60.0)
