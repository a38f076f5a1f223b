"""Tests of the training loop: losses, reproducibility, resumption, early stop, processes."""

import csv
import math
import os
import subprocess
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.nets.gradcam import NetWithHeat
from models.nets.grid import GridConfig, GridNet, Output
from models.training.distributed import Ranks
from models.training.loop import TrainConfig, fit, heatmap_loss, loss
from models.training.manifest_source import Films
from models.training.simulated_batches import (
    CALIBRATE,
    TRAIN,
    Batch,
    Maps,
    render_films,
    sample_subjects,
    twin_batch,
    twin_pair,
)
from models.training.simulated_source import SimulatedSource
from tests.support.paths import ROOT

pytestmark = [pytest.mark.usefixtures("narrow_resnet"), pytest.mark.slow]

CONFIG = GridConfig(size=192, dim=32, depth=1, heads=2)
RUN = TrainConfig(steps=2, validate_every=1)
ALONE = Ranks(0, 1, torch.device("cpu"))


def _phantoms() -> Maps:
    rng = np.random.default_rng(0)
    phantom = np.abs(rng.normal((14, 0.2, 0.1), 0.05, (96, 96, 3))).transpose(2, 0, 1)
    return dict.fromkeys([*TRAIN.variants, *CALIBRATE.variants], phantom.astype(np.float16))


def _source() -> SimulatedSource:
    maps, patients = _phantoms(), sample_subjects(CALIBRATE, 8)
    held_out = Films(
        pixels=render_films(maps, patients, CONFIG.size),
        label=np.array([patient.label for patient in patients], np.float32),
        t_score=np.array([patient.t_score for patient in patients], np.float32),
    )
    return SimulatedSource(maps, seed=1, held_out=held_out, pairs=1)


def _batch(maps: Maps) -> Batch:
    return twin_batch([twin_pair(maps, TRAIN, seed, 192) for seed in (3, 4)])


@pytest.fixture
def maps() -> Maps:
    """Return the same small phantom for every variant."""
    return _phantoms()


@pytest.fixture
def source() -> SimulatedSource:
    """Return a source of twin films that are rendered from the phantom."""
    return _source()


def _net() -> GridNet:
    torch.manual_seed(0)
    return GridNet(CONFIG)


def test_twins_are_neighbours_and_differ_in_density(maps: Maps) -> None:
    batch = _batch(maps)
    assert batch.film.shape == (4, 1, 192, 192)
    assert batch.mineral.shape == (4, 36)
    assert batch.bone.shape == (4, 6, 6)
    assert torch.equal(batch.bone[0::2], batch.bone[1::2])
    first, second = batch.t_score[0::2], batch.t_score[1::2]
    assert (abs(first - second) * 1.4 >= 0.5 - 1e-6).all()
    denser = batch.mineral[0::2].mean(dim=1) > batch.mineral[1::2].mean(dim=1)
    assert torch.equal(denser, first > second)


def test_correct_outputs_have_the_smallest_loss(maps: Maps) -> None:
    batch = _batch(maps)
    attention = torch.ones(4, 37) / 37
    correct = Output((batch.label * 2 - 1) * 9, batch.t_score, batch.mineral, attention)
    assert loss(correct, batch) < 0.5
    inverted = replace(correct, logit=-correct.logit)
    constant = replace(correct, t_score=torch.zeros(4))
    shifted = replace(correct, mineral=batch.mineral + torch.tensor([[1.0], [0], [0], [0]]))
    for wrong in (inverted, constant, shifted):
        assert loss(wrong, batch) > loss(correct, batch)


def test_unknown_targets_do_not_change_the_loss(maps: Maps) -> None:
    """A film without T-score, twin and mineral is trained on its label."""
    batch = replace(_batch(maps), twins=False)
    unknown = torch.full_like(batch.t_score, torch.nan)
    bare = replace(batch, t_score=unknown, mineral=torch.full_like(batch.mineral, torch.nan))
    output = Output(batch.label, torch.ones(4), torch.ones(4, 36), torch.ones(4, 37) / 37)
    assert torch.isfinite(loss(output, bare))
    assert torch.equal(loss(output, bare), loss(replace(output, t_score=torch.zeros(4)), bare))
    assert loss(output, bare) < loss(output, batch)


def test_heat_distributed_as_bone_has_the_smallest_loss() -> None:
    """The loss is larger for heat on one bone, heat outside bone, negative heat and no heat."""
    bone = torch.zeros(1, 6, 6)
    bone[:, :3] = 2.0
    on, point, off = torch.zeros(1, 6, 6), torch.zeros(1, 6, 6), torch.zeros(1, 6, 6)
    on[:, :3], point[:, 1, 2], off[:, 4:] = 1.0, 1.0, 1.0
    losses = [float(heatmap_loss(heat, bone)) for heat in (on, on + off, point, off)]
    assert losses == sorted(losses)
    assert losses[0] < 0.2
    for no_heat in (torch.zeros(1, 6, 6), -on - off):
        assert float(heatmap_loss(no_heat, bone)) > losses[0] + 0.5
    assert float(heatmap_loss(7 * on, bone)) == pytest.approx(losses[0])
    heat = (-on - off).requires_grad_()
    heatmap_loss(heat, bone).backward()
    assert heat.grad is not None
    assert float(heat.grad[0, 0, 0]) < 0  # less negative heat on bone reduces the loss


def test_heat_prefers_cells_full_of_bone() -> None:
    """A cell with twice the bone has eight times the target heat."""
    bone, uniform = torch.ones(1, 6, 6), torch.ones(1, 6, 6)
    bone[:, :3] = 2.0
    assert (
        float(heatmap_loss(bone**3, bone))
        < float(heatmap_loss(bone, bone))
        < float(heatmap_loss(uniform, bone))
    )


def test_training_moves_heat_onto_bone(source: SimulatedSource, tmp_path: Path) -> None:
    """After a training with ``heatmap_loss``, less heat is outside bone than without this loss."""
    batch = source.batch(0, CONFIG.size)
    losses = []
    for weight in (0.0, 5.0):
        config = replace(RUN, steps=12, validate_every=100, ema=0.0, heat=weight)
        run = fit(_net(), source, config, tmp_path / f"{weight}.pt", ALONE)
        _, heat = NetWithHeat(run.net.requires_grad_())(batch.film)
        losses.append(float(heatmap_loss(heat, batch.bone)))
    assert losses[1] < losses[0]


def test_one_batch_in_three_is_new(source: SimulatedSource) -> None:
    """The other two batches repeat earlier pairs, which are the same in every run."""
    films = [source.batch(number, 192).film for number in range(6)]
    again = replace(source, cache=OrderedDict())
    assert all(torch.equal(again.batch(n, 192).film, films[n]) for n in (5, 0, 3))
    assert torch.equal(films[1], films[0])
    assert torch.equal(films[2], films[0])
    assert not torch.equal(films[3], films[0])
    assert any(torch.equal(films[4], films[n]) for n in (0, 3))


def test_the_same_seed_gives_the_same_weights(source: SimulatedSource, tmp_path: Path) -> None:
    runs = [fit(_net(), source, RUN, tmp_path / f"{name}.pt", ALONE) for name in ("one", "two")]
    assert all((run.progress.step, run.progress.films) == (2, 4) for run in runs)
    first, second = (run.net.out.weight.detach() for run in runs)
    assert torch.equal(first, second)


def test_a_resumed_run_equals_an_uninterrupted_one(source: SimulatedSource, tmp_path: Path) -> None:
    """A run that is already finished is not continued."""
    stopped, complete = tmp_path / "stopped.pt", tmp_path / "complete.pt"
    longer = replace(RUN, steps=4)
    fit(_net(), source, replace(longer, minutes=1e-9), stopped, ALONE)
    resumed = fit(_net(), source, longer, stopped, ALONE)
    straight = fit(_net(), source, longer, complete, ALONE)
    again = fit(_net(), source, longer, stopped, ALONE)
    assert [run.progress.step for run in (resumed, straight, again)] == [4, 4, 4]
    for run in (resumed, again):
        torch.testing.assert_close(run.net.state_dict(), straight.net.state_dict())


def test_the_log_has_a_line_for_each_validation(source: SimulatedSource, tmp_path: Path) -> None:
    """The last step is validated exactly once."""
    fit(_net(), source, replace(RUN, steps=3, validate_every=2), tmp_path / "run.pt", ALONE)
    with (tmp_path / "run.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [int(line["step"]) for line in lines] == [2, 3]
    assert all(math.isfinite(float(line["loss"])) for line in lines)
    assert all(0 <= float(line["auc"]) <= 1 for line in lines)


def test_a_run_ends_if_the_auc_does_not_improve(source: SimulatedSource, tmp_path: Path) -> None:
    """With patience 2, the third validation without improvement is the last."""
    impatient = replace(RUN, steps=50, rate=0.0, patience=2)
    done = fit(_net(), source, impatient, tmp_path / "run.pt", ALONE).progress
    assert done.step - done.best_step == 3


def test_several_processes_train_one_net(tmp_path: Path) -> None:
    """Two processes of torchrun get different batches, end together and write one checkpoint."""
    script = tmp_path / "run.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from models.training.distributed import ranks; from models.training.loop import fit\n"
        "from tests.unit.models.training.test_loop import RUN, _net, _source\n"
        "with ranks('cpu') as joined:\n"
        "    run = fit(_net(), _source(), RUN, Path(sys.argv[1]), joined)\n"
        "    print('rank', joined.rank, 'of', joined.world, 'films', run.progress.films)\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--standalone", str(script), str(tmp_path / "run.pt")]
    paths = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=paths, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "rank 0 of 2 films 8" in done.stdout
    assert "rank 1 of 2 films 8" in done.stdout
    assert (tmp_path / "run.pt").exists()
