"""One process or several: `torchrun` says which of how many this one is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Ranks:
    """This process among ``world``; the first writes, and says when to stop."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def share(self, net: nn.Module) -> nn.Module:
        """The net, with gradients averaged over all processes."""
        return DistributedDataParallel(net) if self.world > 1 else net

    def agreed(self, stop: bool) -> bool:
        """The first process's word: clocks differ, and one that stops alone blocks the rest."""
        if self.world == 1:
            return stop
        word = torch.tensor([float(stop)], device=self.device)
        distributed.broadcast(word, src=0)
        return bool(word.item())


@contextmanager
def ranks(device: str) -> Iterator[Ranks]:
    """Join the processes that `torchrun` started, on ``cpu`` or one GPU each; leave at the end."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    chosen = torch.device(f"cuda:{local}" if device == "cuda" else device)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if world == 1:
        yield Ranks(0, 1, chosen)
        return
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Ranks(rank, world, chosen)
    finally:
        distributed.destroy_process_group()
