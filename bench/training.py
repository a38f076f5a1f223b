"""Measure the time of a training step of the demonstration model on a CPU.

    python -m bench.training [--size 192] [--films 8] [--steps 9]

A step consists of a forward pass, the loss on labels, mineral and heat, a backward pass, and AdamW.
Films are random numbers. The result is the processor time, summed over threads.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import torch

from models.nets.grid import STRIDE, FilmNet, GridConfig, GridNet
from models.training.distributed import Ranks
from models.training.loop import TrainConfig, fit
from models.training.simulated_batches import Batch


class RandomBatches:
    def __init__(self, films: int) -> None:
        self.films = films

    def batch(self, number: int, size: int) -> Batch:
        cells = size // STRIDE
        return Batch(
            film=torch.randn(self.films, 1, size, size),
            label=torch.randint(2, (self.films,)).float(),
            t_score=torch.randn(self.films),
            mineral=torch.randn(self.films, 36),
            bone=torch.rand(self.films, cells, cells) / cells**2,
        )

    def validate(self, net: FilmNet) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(2.0), np.arange(2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--films", type=int, default=8)
    parser.add_argument("--steps", type=int, default=9)
    options = parser.parse_args()
    torch.manual_seed(0)
    net = GridNet(GridConfig(size=options.size))
    ranks = Ranks(0, 1, torch.device("cpu"))
    config = TrainConfig(steps=1, validate_every=options.steps + 2, heat=1.0)
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "run.pt"
        fit(net, RandomBatches(options.films), config, checkpoint, ranks)  # warm-up
        start = process_time()
        config = TrainConfig(
            steps=1 + options.steps, validate_every=options.steps + 2, patience=2, heat=1.0
        )
        fit(net, RandomBatches(options.films), config, checkpoint, ranks)
        seconds = process_time() - start
    print(f"{1000 * seconds / (options.steps * options.films):.0f} ms per film")


if __name__ == "__main__":
    main()
