"""The faster way to learn on a processor computes what torch computes."""

import copy

import pytest
import torch
from torch import nn

from models.nets.cpu_conv import GemmConv2d, use_gemm_backward
from models.nets.grid import GridConfig, GridNet


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "side"),
    [(3, 1, 1, 2), (3, 2, 1, 8), (7, 2, 3, 32), (5, (2, 1), (0, 2), 9)],
)
def test_values_and_gradients_are_those_of_torch(
    kernel: int, stride: int | tuple[int, int], padding: int | tuple[int, int], side: int
) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(3, 5, kernel, stride=stride, padding=padding, bias=False).double()
    quick = use_gemm_backward(copy.deepcopy(plain))
    assert type(quick) is GemmConv2d
    said = []
    for layer in (plain, quick):
        picture = torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(1)).double()
        picture.requires_grad_()
        value = layer(picture)
        (value**2).sum().backward()
        said.append((value, picture.grad, layer.weight.grad))
    torch.testing.assert_close(said[0], said[1])


@pytest.mark.parametrize("side", [4, 16], ids=["product", "kernel"])
def test_under_autocast_gradients_come_back_in_the_weights_own_type(side: int) -> None:
    """As processors that multiply in bfloat16 train."""
    torch.manual_seed(0)
    plain = nn.Conv2d(3, 5, 3, padding=1, bias=False)
    quick = use_gemm_backward(copy.deepcopy(plain))
    said = []
    for layer in (plain, quick):
        picture = torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(1))
        picture.requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            value = layer(picture)
        assert value.dtype is torch.bfloat16
        (value.float() ** 2).sum().backward()
        said.append((picture.grad, layer.weight.grad))
    assert {gradient.dtype for pair in said for gradient in pair} == {torch.float32}
    for ours, theirs in zip(said[1], said[0], strict=True):
        assert (ours - theirs).norm() < 0.02 * theirs.norm()


def test_a_whole_net_learns_the_same() -> None:
    """Every weight's gradient, to rounding; names and values of the weights stay."""
    torch.manual_seed(0)
    plain = GridNet(GridConfig(size=192, dim=32, depth=1, heads=2, dropout=0.0)).double()
    quick = copy.deepcopy(plain)
    use_gemm_backward(quick)
    assert sum(type(module) is GemmConv2d for module in quick.modules()) == 17
    film = torch.randn(2, 1, 192, 192).double()
    for net in (plain, quick):
        output = net(film)
        (output.logit.sum() + output.mineral.sum()).backward()
    assert list(plain.state_dict()) == list(quick.state_dict())
    pairs = zip(plain.parameters(), quick.parameters(), strict=True)
    assert all(torch.allclose(a.grad, b.grad) for a, b in pairs if a.grad is not None)


def test_what_it_cannot_do_is_left_as_it_is() -> None:
    others = [
        nn.Conv2d(2, 2, 1, bias=False),
        nn.Conv2d(2, 2, 3),
        nn.Conv2d(2, 2, 3, bias=False, groups=2),
        nn.Conv2d(2, 2, 3, bias=False, dilation=2),
        nn.Conv2d(2, 2, 3, bias=False, padding="same"),
        nn.Conv2d(2, 2, 3, bias=False, padding_mode="reflect"),
    ]
    assert all(type(use_gemm_backward(layer)) is nn.Conv2d for layer in others)
