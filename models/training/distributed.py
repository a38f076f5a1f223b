"""Training with several processes, started by `torchrun`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Ranks:
    """Rank of this process among ``world`` processes."""

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes files and decides when to stop."""
        return self.rank == 0

    def share(self, net: nn.Module) -> nn.Module:
        """Return the net with gradients averaged over all processes."""
        return DistributedDataParallel(net) if self.world > 1 else net

    def agreed(self, stop: bool) -> bool:
        """Return ``stop`` of the first process, because all processes must stop together."""
        if self.world == 1:
            return stop
        decision = torch.tensor([float(stop)], device=self.device)
        distributed.broadcast(decision, src=0)
        return bool(decision.item())


@contextmanager
def ranks(device: str) -> Iterator[Ranks]:
    """Join the process group of `torchrun`, on ``cpu`` or on one GPU for each process."""
    world, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    own = torch.device(f"cuda:{local}" if device == "cuda" else device)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    if world == 1:
        yield Ranks(0, 1, own)
        return
    distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Ranks(rank, world, own)
    finally:
        distributed.destroy_process_group()
