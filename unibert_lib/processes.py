"""One run in several processes: what they add up and agree on. In a single process everything passes through.

Each process holds the whole model and a share of the batch. Losses are divided by the counts of the whole batch
before the backward pass, so that gradients are added, never averaged, and 2 processes x b give what 1 x 2b gives.
DistributedDataParallel would average, and it wants one ``forward`` where several students share a teacher.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from unibert_lib.config import PretrainConfig
from unibert_lib.runs import RunError

LARGE = 1 << 20  # entries; smaller gradients travel together


def launched() -> bool:
    """Whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1 and "LOCAL_RANK" in os.environ


def size() -> int:
    """How many processes work on this run; torchrun says so before they have met."""
    return dist.get_world_size() if dist.is_initialized() else int(os.environ["WORLD_SIZE"]) if launched() else 1


def rank() -> int:
    """This process's number; 0 leads: it alone writes and evaluates."""
    return dist.get_rank() if dist.is_initialized() else int(os.environ["RANK"]) if launched() else 0


def open_accelerator(config: PretrainConfig) -> Accelerator:
    """``auto`` is cuda where there is one, else cpu; MPS only by request. bf16 on a GPU that has it.

    Under torchrun the processes meet here: over gloo on CPUs, over NCCL on GPUs, one GPU each.

    Raises
    ------
    RunError
        If the device is not there, there are fewer GPUs than processes, or fewer samples a step.
    """
    cuda, name = torch.cuda.is_available(), config.device
    there = {"auto": True, "cpu": True, "cuda": cuda, "mps": torch.backends.mps.is_available() and not launched()}
    if not there.get(name, False):
        valid = ", ".join(n for n, v in there.items() if v)
        raise RunError(f"device={name!r}: not on this machine, or not for several processes; valid here: {valid}")
    cpu = name == "cpu" or (name == "auto" and not cuda)
    here = int(os.environ["LOCAL_WORLD_SIZE"]) if launched() else 1
    if not cpu and name != "mps" and here > torch.cuda.device_count():
        raise RunError(f"{here} processes on {torch.cuda.device_count()} GPUs: start one a GPU, or set device to cpu")
    if config.batch_size < size():
        raise RunError(f"batch_size={config.batch_size} is less than one sample for each of {size()} processes")
    half = config.precision == "bf16" or (
        config.precision == "auto" and name != "cpu" and cuda and torch.cuda.is_bf16_supported()
    )
    # An earlier run in this kernel may have used another precision.
    AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=cpu, mixed_precision="bf16" if half else "no")


def total(values: Tensor) -> Tensor:
    """The sum over all processes; ``values`` itself in a single one."""
    if size() == 1:
        return values
    summed = values.clone()
    dist.all_reduce(summed)
    return summed


def add_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Every gradient becomes its sum over all processes, the same to the bit in each."""
    if size() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    small = [g for g in gradients if g.numel() < LARGE]
    travelling = [dist.all_reduce(g, async_op=True) for g in gradients if g.numel() >= LARGE]
    if small:
        together = torch.cat([g.flatten() for g in small])
        dist.all_reduce(together)
        for gradient, summed in zip(small, together.split([g.numel() for g in small]), strict=True):
            gradient.copy_(summed.view_as(gradient))
    for one in travelling:
        one.wait()


def agree(what: str, value: Any) -> None:
    """Raises :class:`RunError` where ``value`` differs between processes."""
    if size() == 1:
        return
    found: list[Any] = [None] * size()
    dist.all_gather_object(found, value)
    if any(one != found[0] for one in found):
        listed = "; ".join(f"{one!r} in process {number}" for number, one in enumerate(found))
        raise RunError(f"{what} differs: {listed}. All processes need the same parameters and the same runs folder")


def any_of(flag: bool, device: torch.device) -> bool:
    """Whether ``flag`` is set in some process: what one of them is asked to do, all do at the same step."""
    return flag if size() == 1 else bool(total(torch.tensor(float(flag), device=device)) > 0)


def wait() -> None:
    """Until every process is here."""
    if size() > 1:
        dist.barrier()


def leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
