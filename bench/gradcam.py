"""What the heatmap costs beside the score: Grad-CAM through the head, and through the ResNet.

    python -m bench.gradcam [--size 576] [--films 4] [--rounds 9]

Three ways over the same films, in turn: `forward` is the score alone, without gradients; `explain`
is the score and the heat as the node makes them; `autograd` is the same heat as tools with hooks
make it, by a backward pass through the whole net. Times are the processor's own, summed over
threads, so that other programs on the machine do not count; overheads are ratios within a round.
Both are medians over rounds, with the middle half of rounds beside them.
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

Way = Callable[[GridNet, Tensor], object]


def main() -> None:
    """Time the three ways round after round, and print medians and overheads."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=576)
    parser.add_argument("--films", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.manual_seed(0)
    net = GridNet(GridConfig(size=options.size)).eval().requires_grad_(False)
    films = torch.randn(options.films, 1, options.size, options.size)
    ways: dict[str, Way] = {"forward": forward, "explain": explain, "autograd": autograd}
    for way in ways.values():
        way(net, films)  # the first call also chooses kernels
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in track(range(options.rounds), "rounds"):
        # Every other round backwards: whoever comes first finds the caches in another state.
        for name in list(ways)[:: -1 if number % 2 else 1]:
            seconds[name].append(timed(ways[name], net, films))
    report(seconds, options.films, options.size)


def forward(net: GridNet, films: Tensor) -> Tensor:
    """The score alone."""
    with torch.no_grad():
        return net(films).logit


def autograd(net: GridNet, films: Tensor) -> Tensor:
    """Heat of each film's cells by the gradient at the ResNet's last map, (M, h, w)."""
    kept: list[Tensor] = []
    start = films.clone().requires_grad_()
    hook = net.resnet.get_submodule("layer4").register_forward_hook(
        lambda *call: kept.append(call[2])
    )
    logit = net(start).logit.sum()
    hook.remove()
    (gradient, _) = torch.autograd.grad(logit, (kept[0], start))
    return (gradient.mean(dim=(2, 3), keepdim=True) * kept[0]).sum(dim=1).relu()


def timed(way: Way, net: GridNet, films: Tensor) -> float:
    """Processor seconds of one call."""
    began = process_time()
    way(net, films)
    return process_time() - began


def report(seconds: dict[str, list[float]], films: int, size: int) -> None:
    """Print medians, and overheads taken round by round."""
    columns = ("way", "CPU ms a film (median)", "over forward", "half of the rounds")
    table = Table(*columns, title=f"{films} films, {size} px")
    for name, measured in seconds.items():
        ratios = [a / b - 1 for a, b in zip(measured, seconds["forward"], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        spread = f"{low:+.1%} to {high:+.1%}"
        table.add_row(name, f"{1000 * median(measured) / films:.1f}", f"{middle:+.1%}", spread)
    Console().print(table)


if __name__ == "__main__":
    main()
