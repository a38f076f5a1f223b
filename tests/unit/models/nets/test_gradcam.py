"""``explain`` gives the same heat as Grad-CAM by a full backward pass."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.nets.gradcam import explain
from models.nets.grid import GridConfig, GridNet, stitch_blocks

Make = Callable[[GridConfig], GridNet]


def _by_autograd(net: GridNet, film: Tensor) -> Tensor:
    """Compute Grad-CAM from the gradient at the ResNet's last map, as the method defines."""
    outputs = []
    layer4 = net.resnet.get_submodule("layer4")
    hook = layer4.register_forward_hook(lambda *call: outputs.append(call[2]))
    logit = net(film).logit.sum()
    hook.remove()
    gradient = torch.autograd.grad(logit, outputs[0])[0]
    n, grid = len(film), net.config.grid
    last = outputs[0]
    if net.config.whole_film:
        step = last.shape[-1] // grid
        last, gradient = (
            part.unfold(2, step, step).unfold(3, step, step).permute(0, 2, 3, 1, 4, 5)
            for part in (last, gradient)
        )
    last, gradient = (
        part.reshape(-1, *part.shape[-3:])[: n * grid * grid] for part in (last, gradient)
    )
    weight = gradient.mean(dim=(2, 3), keepdim=True)
    heat = (weight * last).sum(dim=1).relu()
    edge = net.config.halo // 32
    if edge:
        heat = heat[:, edge:-edge, edge:-edge]
    return stitch_blocks(heat.view(n, grid * grid, *heat.shape[-2:]), grid)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"size": 192},
        {"halo": 32},
        {"whole_film": True, "size": 192},
        {"transformer": False},
        {"size": 576, "grid": 6, "dim": 256, "depth": 4, "heads": 8},
    ],
    ids=str,
)
def test_heat_equals_autograd_through_the_resnet(
    small: GridConfig, make_net: Make, change: dict
) -> None:
    config = replace(small, **change)
    net = make_net(config)
    film = torch.randn(2, 1, config.size, config.size)
    heats = []
    # If the heat of the untrained net is zero everywhere, the negated weights give positive heat.
    for _ in range(2):
        _, heat = explain(net, film)
        exact = _by_autograd(net, film)
        assert heat.shape == exact.shape == (2, config.size // 32, config.size // 32)
        assert float((heat - exact).abs().max()) <= 1e-5 * float(exact.max())
        heats.append(float(exact.max()))
        with torch.no_grad():
            net.out.weight.neg_()
    assert max(heats) > 0


def test_explain_gives_the_scores_of_the_forward_pass(small: GridConfig, make_net: Make) -> None:
    net = make_net(small)
    film = torch.randn(3, 1, 96, 96)
    output, heat = explain(net, film)
    with torch.inference_mode():
        plain = net(film)
    assert torch.allclose(output.logit, plain.logit, atol=1e-5)
    assert not output.logit.requires_grad
    assert float(heat.min()) >= 0


def test_the_heat_is_not_normalised(small: GridConfig, make_net: Make) -> None:
    """If the weights of the last layer are doubled, the heat is doubled."""
    net = make_net(small)
    film = torch.randn(1, 1, 96, 96)
    with torch.no_grad():
        net.out.weight.mul_(-1 if float(explain(net, film)[1].max()) == 0 else 1)
    _, before = explain(net, film)
    with torch.no_grad():
        net.out.weight.mul_(2)
        net.out.bias.mul_(2)
    _, after = explain(net, film)
    assert float(before.max()) > 0
    assert torch.allclose(after, 2 * before, rtol=1e-4)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_heat_is_computed_without_gradients_of_the_caller(
    small: GridConfig, make_net: Make, mode: Callable[[], AbstractContextManager[None]]
) -> None:
    net = make_net(small)
    film = torch.randn(1, 1, 96, 96)
    _, plain = explain(net, film)
    with mode():
        _, heat = explain(net, film + 0)
    assert torch.equal(heat, plain)
