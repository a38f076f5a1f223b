"""Each variant lacks exactly one part of the net, and one table compares the variants."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.calibration.auc import compare_aucs
from models.dataset.entry import Entry, Split
from models.experiments.ablation import (
    FULL,
    VARIANTS,
    AblationSetting,
    VariantResult,
    VariantTraining,
    tabulate,
    to_json,
    to_markdown,
)
from models.experiments.monai_mil import MilNet
from models.nets.grid import FilmNet, GridConfig, GridNet, cut_blocks
from models.training.loop import loss
from models.training.simulated_batches import Batch

Build = Callable[[str], FilmNet]


@pytest.fixture
def build(small: GridConfig) -> Build:
    """Return a function that builds a small variant by name, with a fixed seed."""

    def build_variant(name: str) -> FilmNet:
        torch.manual_seed(3)
        return {variant.name: variant for variant in VARIANTS}[name].build(small).eval()

    return build_variant


def parameters(net: torch.nn.Module) -> int:
    """Count the net's parameters."""
    return sum(parameter.numel() for parameter in net.parameters())


def as_grid_net(net: FilmNet) -> GridNet:
    """Check that a variant is a GridNet, and return it."""
    assert isinstance(net, GridNet)
    return net


def test_the_full_net_has_the_unchanged_config(build: Build, small: GridConfig) -> None:
    assert VARIANTS[0].name == FULL
    assert build(FULL).config == small


def test_every_variant_changes_one_choice(small: GridConfig) -> None:
    for variant in VARIANTS[1:]:
        assert len(variant.changes) + variant.mil == 1
        assert all(getattr(small, name) is not value for name, value in variant.changes.items())


def test_one_seed_gives_every_variant_the_same_resnet(build: Build) -> None:
    first = as_grid_net(build(FULL)).resnet.state_dict()
    for variant in VARIANTS[1:]:
        torch.testing.assert_close(build(variant.name).backbone().state_dict(), first)


def test_a_removed_part_has_no_parameters(build: Build, small: GridConfig) -> None:
    full = build(FULL)
    assert parameters(full) - parameters(build("no-transformer")) == parameters(
        as_grid_net(full).transformer
    )
    assert parameters(full) - parameters(build("no-position")) == 2 * small.grid * small.dim
    assert parameters(full) - parameters(build("no-thumbnail")) == 2 * small.dim
    assert parameters(full) == parameters(build("whole-film"))


def test_without_transformer_blocks_are_independent(build: Build) -> None:
    """A third block does not change the ratio of the attention weights of two blocks."""
    blocks, thumb = torch.randn(1, 9, 512), torch.randn(1, 512)
    changed = blocks.clone()
    changed[:, 8] = torch.randn(512)

    def odds(net: GridNet, tokens: Tensor) -> Tensor:
        attention = net.head(tokens, thumb).attention
        return attention[0, 0] / attention[0, 1]

    without, full = as_grid_net(build("no-transformer")), as_grid_net(build(FULL))
    torch.testing.assert_close(odds(without, blocks), odds(without, changed))
    assert abs(odds(full, blocks) - odds(full, changed)) > 1e-5


def test_without_position_the_order_of_blocks_does_not_matter(build: Build) -> None:
    blocks, thumb = torch.randn(1, 9, 512), torch.randn(1, 512)
    shuffled = blocks[:, torch.tensor([4, 2, 0, 8, 7, 5, 3, 1, 6])]
    without, full = as_grid_net(build("no-position")), as_grid_net(build(FULL))
    without_logit = without.head(blocks, thumb).logit
    torch.testing.assert_close(without_logit, without.head(shuffled, thumb).logit)
    assert abs(full.head(blocks, thumb).logit - full.head(shuffled, thumb).logit) > 1e-4


def test_without_thumbnail_there_is_no_token_of_the_whole_film(build: Build) -> None:
    film = torch.randn(1, 1, 96, 96)
    assert as_grid_net(build("no-thumbnail")).features(film).thumb is None
    assert build("no-thumbnail")(film).attention.shape == (1, 9)
    assert build(FULL)(film).attention.shape == (1, 10)


def test_in_the_whole_film_net_a_block_depends_on_its_neighbours(build: Build) -> None:
    film = torch.randn(1, 1, 96, 96)
    changed = film.clone()
    changed[..., 40:] = 0.0

    def first_block(name: str, pixels: Tensor) -> Tensor:
        return as_grid_net(build(name)).features(pixels).blocks[0, 0]

    torch.testing.assert_close(first_block(FULL, film), first_block(FULL, changed))
    gap = first_block("whole-film", film) - first_block("whole-film", changed)
    assert gap.abs().max() > 1e-3


def test_monais_net_ignores_the_order_of_blocks(build: Build) -> None:
    """MONAI's net has the same features as the grid net, and no position embedding."""
    film = torch.randn(1, 1, 96, 96)
    net = build("monai-att-trans")
    assert isinstance(net, MilNet)
    swapped = torch.cat([film[..., 64:, :], film[..., 32:64, :], film[..., :32, :]], dim=2)
    torch.testing.assert_close(net(film).logit, net(swapped).logit, atol=1e-5, rtol=1e-4)
    features = net.bag(cut_blocks(film, 3), no_head=True)
    torch.testing.assert_close(
        features, as_grid_net(build(FULL)).features(film).blocks, atol=1e-5, rtol=1e-4
    )


def test_monais_net_learns_label_and_t_score_but_not_mineral(build: Build) -> None:
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
    with_mineral = replace(batch, mineral=torch.ones(2, 9))
    gradients = [
        torch.autograd.grad(loss(output, example), list(net.parameters()), retain_graph=True)
        for example in (batch, with_mineral)
    ]
    assert all(torch.isfinite(gradient).all() for gradient in gradients[0])
    torch.testing.assert_close(*gradients)
    names = [name for name, _ in net.named_parameters()]
    assert (gradients[0][names.index("bag.myfc.bias")] != 0).all()


def result(logits: list[float]) -> VariantResult:
    """Return a variant result with these logits."""
    return VariantResult(
        VariantTraining(1000, 5, 40, 2.0, 4, 0.7, "processor, 1 threads"), tuple(logits)
    )


def make_test_films() -> list[Entry]:
    """Return twelve test films of two sites; one site name contains a table separator."""
    return [
        Entry(Path(f"{n}.png"), f"p{n}", "here" if n < 6 else "far|off", Split.TEST, n % 2 == 1)
        for n in range(12)
    ]


def test_every_other_variant_is_compared_with_the_full_net() -> None:
    """Each comparison is DeLong's paired test at one site."""
    rng = np.random.default_rng(5)
    results = {variant.name: result(rng.normal(size=12).tolist()) for variant in VARIANTS}
    rows = tabulate(results, make_test_films())
    assert [row.variant for row in rows] == [variant.name for variant in VARIANTS]
    assert all(site.difference_from_full is None for site in rows[0].sites)
    positive = np.array([entry.label for entry in make_test_films()])[6:]
    name = VARIANTS[2].name
    logits = np.array([results[name].logits[6:], results[FULL].logits[6:]])
    assert rows[2].sites[1].difference_from_full == compare_aucs(name, FULL, logits, positive)
    assert rows[2].sites[1].site == "far|off"


def test_the_table_states_data_settings_and_limits() -> None:
    setting = AblationSetting(
        "films.csv", "00", "simulated films", 30, 10, 12, 192, 5, 8, 1, "weights of x"
    )
    rows = tabulate(
        {variant.name: result(list(range(12))) for variant in VARIANTS}, make_test_films()
    )
    text = to_markdown(setting, rows)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(lines) == 1 + len(VARIANTS)
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "| full | 1,000 | 0.05 | 4 |" in text
    assert "(+0.000 to +0.000), 1.000 |" in text
    for phrase in (
        "simulated films",
        "here 6 (3)",
        "5 steps",
        "one seed",
        "weights of x",
        "no head for it",
    ):
        assert phrase in text.replace("\n", " ")
    assert (
        json.loads(to_json(setting, rows))["variants"][1]["sites"][0]["difference_from_full"]["p"]
        == 1.0
    )


def test_a_small_p_value_is_not_written_as_zero() -> None:
    entries = make_test_films() * 20
    scores = [float(entry.label) + n / 1e4 for n, entry in enumerate(entries)]
    results = {variant.name: result([float(n % 7) for n in range(240)]) for variant in VARIANTS}
    rows = tabulate(results | {FULL: result(scores)}, entries)
    setting = AblationSetting(
        "films.csv", "00", "simulated films", 9, 9, 240, 192, 5, 8, 1, "weights of x"
    )
    assert ", < 0.001 |" in to_markdown(setting, rows)
