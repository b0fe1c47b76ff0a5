"""Several processes that train one network, started by `torchrun --nproc-per-node N -m posed_models train …`.

Each draws crops of its own; gradients are averaged before every step. On a CPU two processes of one thread see a quarter more
crops than one of two threads, since most of the work is small operators; on a machine with several GPUs each process takes one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
import torch.nn as nn


class Workers:
    """This process among `count`; alone unless torchrun started it."""

    def __init__(self) -> None:
        self.rank, self.count = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
        if self.count > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")

    @property
    def first(self) -> bool:
        """Is this the process that measures, logs and saves?"""
        return self.rank == 0

    @torch.no_grad()
    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replaces each gradient by its mean over the processes."""
        if self.count == 1:
            return
        grads = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.reshape(-1) for g in grads])
        dist.all_reduce(flat)
        flat /= self.count
        for g, part in zip(grads, flat.split([g.numel() for g in grads]), strict=True):
            g.copy_(part.view_as(g))

    @torch.no_grad()
    def agree(self, net: nn.Module) -> None:
        """Gives every process the first one's weights and statistics."""
        if self.count > 1:
            for t in net.state_dict().values():
                dist.broadcast(t, 0)

    def decide(self, value: float, device: str) -> float:
        """The first process's `value`, in all of them."""
        if self.count == 1:
            return value
        t = torch.tensor(value, dtype=torch.float64, device=device)
        dist.broadcast(t, 0)
        return float(t)

    def close(self) -> None:
        """Ends the group."""
        if self.count > 1:
            dist.destroy_process_group()
