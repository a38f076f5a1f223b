"""Measure the time of the heatmap relative to the score, for two ways to compute Grad-CAM.

    python -m bench.gradcam [--size 576] [--films 4] [--rounds 9]

Three methods process the same films in turn. `forward` computes the score alone, without gradients.
`explain` computes score and heat as the node does. `autograd` computes the same heat by a backward
pass through the whole net. Times are processor seconds, summed over threads. An overhead is a ratio
of times in one round. The table has medians over rounds, and the overheads' interquartile range.
"""

import argparse
from collections.abc import Callable
from statistics import median, quantiles
from time import process_time

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from models.nets.gradcam import explain
from models.nets.grid import GridConfig, GridNet

Method = Callable[[GridNet, Tensor], object]


def main() -> None:
    """Measure the three methods in every round, and print medians and overheads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=576)
    parser.add_argument("--films", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.manual_seed(0)
    net = GridNet(GridConfig(size=options.size)).eval().requires_grad_(False)
    films = torch.randn(options.films, 1, options.size, options.size)
    methods: dict[str, Method] = {"forward": forward, "explain": explain, "autograd": autograd}
    for method in methods.values():
        method(net, films)  # warm-up: the first call also selects kernels
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for number in track(range(options.rounds), "rounds"):
        # Alternate the order, because each method changes the caches that the next method finds.
        for name in list(methods)[:: -1 if number % 2 else 1]:
            seconds[name].append(timed(methods[name], net, films))
    report(seconds, options.films, options.size)


def forward(net: GridNet, films: Tensor) -> Tensor:
    """Return the score alone."""
    with torch.no_grad():
        return net(films).logit


def autograd(net: GridNet, films: Tensor) -> Tensor:
    """Return the heat (M, h, w), computed from the gradient at the ResNet's last feature map."""
    feature_maps: list[Tensor] = []
    inputs = films.clone().requires_grad_()
    hook = net.resnet.get_submodule("layer4").register_forward_hook(
        lambda *call: feature_maps.append(call[2])
    )
    logit = net(inputs).logit.sum()
    hook.remove()
    (gradient, _) = torch.autograd.grad(logit, (feature_maps[0], inputs))
    return (gradient.mean(dim=(2, 3), keepdim=True) * feature_maps[0]).sum(dim=1).relu()


def timed(method: Method, net: GridNet, films: Tensor) -> float:
    """Return the processor seconds of one call."""
    start = process_time()
    method(net, films)
    return process_time() - start


def report(seconds: dict[str, list[float]], films: int, size: int) -> None:
    """Print the median times and the overheads."""
    columns = ("method", "CPU ms per film (median)", "overhead", "middle half of rounds")
    table = Table(*columns, title=f"{films} films, {size} px")
    for name, measured in seconds.items():
        ratios = [a / b - 1 for a, b in zip(measured, seconds["forward"], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        spread = f"{low:+.1%} to {high:+.1%}"
        table.add_row(name, f"{1000 * median(measured) / films:.1f}", f"{middle:+.1%}", spread)
    Console().print(table)


if __name__ == "__main__":
    main()
