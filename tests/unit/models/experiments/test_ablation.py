"""The net's variants: each lacks just what its name says, and one table compares them."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.dataset.entry import Entry, Split
from models.evaluation.discrimination import compare
from models.experiments.ablation import (
    FULL,
    VARIANTS,
    Learned,
    Setting,
    Trial,
    tabulate,
    to_json,
    to_markdown,
)
from models.nets.grid import FilmNet, GridConfig, GridNet, cut
from models.nets.mil import MilNet
from models.training.loop import loss
from models.training.simulated_batches import Batch

Build = Callable[[str], FilmNet]


@pytest.fixture
def build(small: GridConfig) -> Build:
    """Return a maker of small variants by name, all from one seed."""

    def make(name: str) -> FilmNet:
        torch.manual_seed(3)
        return {one.name: one for one in VARIANTS}[name].net(small).eval()

    return make


def parameters(net: torch.nn.Module) -> int:
    """Count the net's parameters."""
    return sum(parameter.numel() for parameter in net.parameters())


def heads(net: FilmNet) -> GridNet:
    """Take a variant for the grid net that it is."""
    assert isinstance(net, GridNet)
    return net


def test_the_full_net_is_the_one_that_is_trained_and_shipped(
    build: Build, small: GridConfig
) -> None:
    assert VARIANTS[0].name == FULL
    assert build(FULL).config == small


def test_every_variant_differs_in_one_choice_alone(small: GridConfig) -> None:
    for variant in VARIANTS[1:]:
        assert len(variant.change) + variant.mil == 1
        assert all(getattr(small, name) is not value for name, value in variant.change.items())


def test_one_seed_gives_every_variant_the_same_resnet(build: Build) -> None:
    first = heads(build(FULL)).resnet.state_dict()
    for variant in VARIANTS[1:]:
        torch.testing.assert_close(build(variant.name).backbone().state_dict(), first)


def test_what_is_taken_away_is_gone_from_the_parameters(build: Build, small: GridConfig) -> None:
    full = build(FULL)
    assert parameters(full) - parameters(build("no-transformer")) == parameters(
        heads(full).transformer
    )
    assert parameters(full) - parameters(build("no-position")) == 2 * small.grid * small.dim
    assert parameters(full) - parameters(build("no-thumbnail")) == 2 * small.dim
    assert parameters(full) == parameters(build("whole-film"))


def test_without_transformer_no_block_sees_another(build: Build) -> None:
    """How two blocks are weighed against each other does not hang on a third."""
    blocks, thumb = torch.randn(1, 9, 512), torch.randn(1, 512)
    changed = blocks.clone()
    changed[:, 8] = torch.randn(512)

    def odds(net: GridNet, seen: Tensor) -> Tensor:
        attention = net.head(seen, thumb).attention
        return attention[0, 0] / attention[0, 1]

    alone, full = heads(build("no-transformer")), heads(build(FULL))
    torch.testing.assert_close(odds(alone, blocks), odds(alone, changed))
    assert abs(odds(full, blocks) - odds(full, changed)) > 1e-5


def test_without_position_the_order_of_blocks_is_unseen(build: Build) -> None:
    blocks, thumb = torch.randn(1, 9, 512), torch.randn(1, 512)
    shuffled = blocks[:, torch.tensor([4, 2, 0, 8, 7, 5, 3, 1, 6])]
    blind, full = heads(build("no-position")), heads(build(FULL))
    torch.testing.assert_close(blind.head(blocks, thumb).logit, blind.head(shuffled, thumb).logit)
    assert abs(full.head(blocks, thumb).logit - full.head(shuffled, thumb).logit) > 1e-4


def test_without_thumbnail_no_token_is_of_the_whole_film(build: Build) -> None:
    film = torch.randn(1, 1, 96, 96)
    assert heads(build("no-thumbnail")).features(film).thumb is None
    assert build("no-thumbnail")(film).attention.shape == (1, 9)
    assert build(FULL)(film).attention.shape == (1, 10)


def test_over_the_whole_film_a_block_knows_its_neighbours(build: Build) -> None:
    film = torch.randn(1, 1, 96, 96)
    other = film.clone()
    other[..., 40:] = 0.0

    def first_block(name: str, seen: Tensor) -> Tensor:
        return heads(build(name)).features(seen).blocks[0, 0]

    torch.testing.assert_close(first_block(FULL, film), first_block(FULL, other))
    gap = first_block("whole-film", film) - first_block("whole-film", other)
    assert gap.abs().max() > 1e-3


def test_monais_net_sees_the_same_blocks_in_any_order(build: Build) -> None:
    """Its bag has the very features that the grid net has, and no places."""
    film = torch.randn(1, 1, 96, 96)
    net = build("monai-att-trans")
    assert isinstance(net, MilNet)
    swapped = torch.cat([film[..., 64:, :], film[..., 32:64, :], film[..., :32, :]], dim=2)
    torch.testing.assert_close(net(film).logit, net(swapped).logit, atol=1e-5, rtol=1e-4)
    seen = net.bag(cut(film, 3), no_head=True)
    torch.testing.assert_close(seen, heads(build(FULL)).features(film).blocks, atol=1e-5, rtol=1e-4)


def test_monais_net_learns_label_and_t_score_and_nothing_of_mineral(build: Build) -> None:
    net = build("monai-att-trans").train()
    batch = Batch(
        film=torch.randn(2, 1, 96, 96),
        label=torch.tensor([0.0, 1.0]),
        t_score=torch.tensor([0.5, math.nan]),
        mineral=torch.full((2, 9), math.nan),
        bone=torch.full((2, 3, 3), math.nan),
        twins=False,
    )
    output = net(batch.film)
    told = replace(batch, mineral=torch.ones(2, 9))
    gradients = [
        torch.autograd.grad(loss(output, one), list(net.parameters()), retain_graph=True)
        for one in (batch, told)
    ]
    assert all(torch.isfinite(gradient).all() for gradient in gradients[0])
    torch.testing.assert_close(*gradients)
    assert (gradients[0][[n for n, _ in net.named_parameters()].index("bag.myfc.bias")] != 0).all()


def trial(logits: list[float]) -> Trial:
    """Return a trial with these logits."""
    return Trial(Learned(1000, 5, 40, 2.0, 4, 0.7, "processor, 1 threads"), tuple(logits))


def tested() -> list[Entry]:
    """Return twelve test films of two hospitals, one of whose names could break a table."""
    return [
        Entry(Path(f"{n}.png"), f"p{n}", "here" if n < 6 else "far|off", Split.TEST, n % 2 == 1)
        for n in range(12)
    ]


def test_every_variant_is_compared_with_the_full_net_on_the_same_films() -> None:
    """At each hospital by itself, by DeLong's paired test; the full net not with itself."""
    rng = np.random.default_rng(5)
    trials = {one.name: trial(rng.normal(size=12).tolist()) for one in VARIANTS}
    rows = tabulate(trials, tested())
    assert [row.variant for row in rows] == [one.name for one in VARIANTS]
    assert all(at.less_full is None for at in rows[0].sites)
    positive = np.array([entry.label for entry in tested()])[6:]
    name = VARIANTS[2].name
    both = np.array([trials[name].logits[6:], trials[FULL].logits[6:]])
    assert rows[2].sites[1].less_full == compare(name, FULL, both, positive)
    assert rows[2].sites[1].site == "far|off"


def test_the_table_says_what_it_rests_on() -> None:
    setting = Setting(
        "films.csv", "00", "simulated films", 30, 10, 12, 192, 5, 8, 1, "weights of x"
    )
    rows = tabulate({one.name: trial(list(range(12))) for one in VARIANTS}, tested())
    text = to_markdown(setting, rows)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 1 + len(VARIANTS)
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "| full | 1,000 | 0.05 | 4 |" in text
    assert "(+0.000 to +0.000), 1.000 |" in text
    for said in (
        "simulated films",
        "here 6 (3)",
        "5 steps",
        "one seed",
        "weights of x",
        "no head for it",
    ):
        assert said in text.replace("\n", " ")
    assert json.loads(to_json(setting, rows))["variants"][1]["sites"][0]["less_full"]["p"] == 1.0


def test_a_p_that_is_not_nought_is_not_written_as_nought() -> None:
    entries = tested() * 20
    right = [float(entry.label) + n / 1e4 for n, entry in enumerate(entries)]
    trials = {one.name: trial([float(n % 7) for n in range(240)]) for one in VARIANTS}
    rows = tabulate(trials | {FULL: trial(right)}, entries)
    setting = Setting("films.csv", "00", "simulated films", 9, 9, 240, 192, 5, 8, 1, "weights of x")
    assert ", < 0.001 |" in to_markdown(setting, rows)
