"""`nets`: parameters and FLOPs of every network, as the paper's tables have them."""

from __future__ import annotations

import argparse

from posed_models.commands.options import Parser
from posed_models.nets.complexity import complexity
from posed_models.nets.lite_hrnet import ARCHS
from posed_models.tasks import TASKS, build

NAME = "nets"
SAYS = "parameters and FLOPs of every network"


def options(p: Parser) -> None:
    del p


def run(a: argparse.Namespace) -> None:
    del a
    print(f"{'network':<28} {'task':<13} {'input':>9} {'outputs':>7} {'parameters':>11} {'MFLOPs':>9} {'conv MMACs':>11}")
    for task in TASKS.values():
        for arch, outputs, height, width in task.published:
            c = complexity(build(arch, task, outputs), height, width)
            print(
                f"{ARCHS[arch].title:<28} {task.name:<13} {f'{width}x{height}':>9} {outputs:>7} {c.parameters:>11,} "
                f"{c.mflops:>9.1f} {c.macs / 1e6:>11.1f}"
            )
