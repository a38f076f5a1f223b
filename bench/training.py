"""Time of a training step on a CPU: with torch's convolutions and with `models.nets.cpu_conv`.

    python -m bench.training [--size 192] [--films 8] [--rounds 5]

Both nets have the same weights and process the same films in turn. Times are processor seconds,
summed over threads; medians over rounds. The ratio is computed within each round.
"""

import argparse
import copy
from statistics import median
from time import process_time

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor

from models.nets.cpu_conv import use_gemm_backward
from models.nets.grid import GridConfig, GridNet


def main() -> None:
    """Measure a forward and backward pass of both nets in every round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--films", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.manual_seed(0)
    plain = GridNet(GridConfig(size=options.size)).train()
    nets = {"torch": plain, "matrix product": use_gemm_backward(copy.deepcopy(plain))}
    films = torch.randn(options.films, 1, options.size, options.size)
    films = films.contiguous(memory_format=torch.channels_last)
    for net in nets.values():
        step(net, films)  # warm-up: the first call also selects kernels
    seconds: dict[str, list[float]] = {name: [] for name in nets}
    for _ in track(range(options.rounds), "rounds"):
        for name, net in nets.items():
            seconds[name].append(step(net, films))
    table = Table("weight gradient", "CPU ms per film (median)", "ratio to torch")
    for name, measured in seconds.items():
        ratios = [a / b for a, b in zip(measured, seconds["torch"], strict=True)]
        cost = 1000 * median(measured) / options.films
        table.add_row(name, f"{cost:.0f}", f"{median(ratios):.2f}")
    Console().print(table)


def step(net: torch.nn.Module, films: Tensor) -> float:
    """Return the processor seconds of one forward and backward pass."""
    start = process_time()
    output = net(films)
    net.zero_grad(set_to_none=True)
    (output.logit.sum() + output.mineral.sum()).backward()
    return process_time() - start


if __name__ == "__main__":
    main()
