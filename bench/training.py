"""Time of a training step on a CPU: with torch's convolutions and with `models.nets.cpu_conv`.

    python -m bench.training [--size 192] [--films 8] [--rounds 9]

A step is that of the demonstration model: forward pass, loss on labels, mineral and heat, backward
pass, and AdamW. Both nets start from the same weights and process the same films in turn. Times are
processor seconds, summed over threads; medians over rounds. The ratio is computed within each
round.
"""

import argparse
import copy
from statistics import median
from time import process_time

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from models.nets.cpu_conv import use_gemm_backward
from models.nets.grid import STRIDE, GridConfig, GridNet
from models.training import loop
from models.training.simulated_batches import Batch


def main() -> None:
    """Measure one training step of both nets in every round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--films", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.manual_seed(0)
    net = GridNet(GridConfig(size=options.size))
    nets = {"torch": net, "matrix product": use_gemm_backward(copy.deepcopy(net))}
    runs = {
        name: (
            loop._taught(net, loop.TrainConfig(heat=1.0)),
            loop._optimiser(net, loop.TrainConfig()),
        )
        for name, net in nets.items()
    }
    batch = random_batch(options.films, options.size).to(torch.device("cpu"))
    for step_net, optimiser in runs.values():
        loop._step(step_net, batch, optimiser, 1.0)  # warm-up: the first call also selects kernels
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in track(range(options.rounds), "rounds"):
        for name in list(runs) if number % 2 else list(runs)[::-1]:
            start = process_time()
            loop._step(runs[name][0], batch, runs[name][1], 1.0)
            seconds[name].append(process_time() - start)
    table = Table("weight gradient", "CPU ms per film (median)", "ratio to torch")
    for name, measured in seconds.items():
        ratios = [a / b for a, b in zip(measured, seconds["torch"], strict=True)]
        cost = 1000 * median(measured) / options.films
        table.add_row(
            name, f"{cost:.0f}", f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    Console().print(table)


def random_batch(films: int, size: int) -> Batch:
    cells = size // STRIDE
    return Batch(
        film=torch.randn(films, 1, size, size),
        label=torch.randint(2, (films,)).float(),
        t_score=torch.randn(films),
        mineral=torch.randn(films, 36),
        bone=torch.rand(films, cells, cells) / cells**2,
    )


if __name__ == "__main__":
    main()
