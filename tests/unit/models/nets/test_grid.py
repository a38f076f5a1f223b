"""Tests of the grid net: configuration, shapes, and the order of cutting and stitching blocks."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from models.nets.grid import GridConfig, GridNet, cut_blocks, stitch_blocks

Make = Callable[[GridConfig], GridNet]

ABLATIONS = [
    {},
    {"transformer": False},
    {"position": False},
    {"thumbnail": False},
    {"whole_film": True},
    {"halo": 32},
    {"norm": "frozen"},
    {"transformer": False, "position": False, "thumbnail": False},
]


@pytest.mark.parametrize("change", ABLATIONS, ids=str)
def test_every_ablation_can_be_scored_and_trained(
    small: GridConfig, make_net: Make, change: dict
) -> None:
    net = make_net(replace(small, **change)).train()
    output = net(torch.randn(2, 1, 96, 96))
    assert output.logit.shape == output.t_score.shape == (2,)
    assert output.mineral.shape == (2, 9)
    assert torch.allclose(output.attention.sum(dim=1), torch.ones(2))
    (output.logit.sum() + output.t_score.sum() + output.mineral.sum()).backward()
    trainable = [p for p in net.parameters() if p.requires_grad]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in trainable)


@pytest.mark.parametrize(
    "change", [{"size": 200}, {"halo": 5}, {"halo": 32, "whole_film": True}, {"heads": 5}]
)
def test_an_impossible_config_is_refused(small: GridConfig, change: dict) -> None:
    with pytest.raises(ValueError, match=r"size|halo|heads"):
        replace(small, **change)


def test_the_paper_grid_at_both_sizes() -> None:
    assert GridConfig(size=576).block == 96
    assert GridConfig(size=384).block == 64


def test_blocks_are_cut_row_by_row_and_stitching_inverts_it() -> None:
    film = torch.arange(12 * 12.0).view(1, 1, 12, 12)
    blocks = cut_blocks(film, 6)
    assert torch.equal(blocks[0, 1, 0], film[0, 0, 0:2, 2:4])
    assert torch.equal(blocks[0, 6, 0], film[0, 0, 2:4, 0:2])
    assert torch.equal(stitch_blocks(blocks[:, :, 0], 6), film[:, 0])


def test_a_halo_contains_the_neighbouring_pixels() -> None:
    film = torch.arange(16 * 16.0).view(1, 1, 16, 16)
    blocks = cut_blocks(film, 6, halo=2)
    assert blocks.shape == (1, 36, 1, 6, 6)
    assert torch.equal(blocks[0, 7, 0], film[0, 0, 2:8, 2:8])


def test_without_position_and_transformer_the_order_of_blocks_has_no_effect(
    small: GridConfig, make_net: Make
) -> None:
    bare = replace(small, position=False, transformer=False, thumbnail=False)
    blocks = torch.randn(1, 9, 512)
    shuffled = blocks[:, torch.tensor([4, 2, 0, 8, 7, 5, 3, 1, 6])]
    net = make_net(bare)
    assert torch.allclose(net.head(blocks, None).logit, net.head(shuffled, None).logit, atol=1e-5)
    placed = make_net(replace(bare, position=True))
    assert not torch.allclose(
        placed.head(blocks, None).logit, placed.head(shuffled, None).logit, atol=1e-5
    )


def test_frozen_norms_keep_their_statistics_in_training(small: GridConfig, make_net: Make) -> None:
    net = make_net(replace(small, norm="frozen")).train()
    before = net.resnet.get_buffer("bn1.running_mean").clone()
    net(torch.randn(2, 1, 96, 96))
    assert torch.equal(net.resnet.get_buffer("bn1.running_mean"), before)
