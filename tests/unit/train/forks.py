"""Workers as forks of one process that has no threads: torch is imported once for all of them."""

import os
import traceback
from collections.abc import Callable
from pathlib import Path

import torch.distributed as dist

import physscale.train.sharded  # noqa: F401 - here, and not again in every fork
from physscale.train.parallel import Workers


def fork(meeting: Path, *, world: int, work: Callable[[Workers], None]) -> list[int]:
    """Start the workers, which meet in a file that is not there yet; their process numbers."""
    processes = []
    for rank in range(world):
        process = os.fork()
        if not process:
            _work(meeting, rank=rank, world=world, work=work)
        processes.append(process)
    return processes


def _work(meeting: Path, *, rank: int, world: int, work: Callable[[Workers], None]) -> None:
    """In a worker's process, which ends here."""
    status = 1
    try:
        if world > 1:
            dist.init_process_group(
                "gloo", init_method=f"file://{meeting}", rank=rank, world_size=world
            )
        work(Workers(rank=rank, world=world))
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def ended_well(processes: list[int]) -> bool:
    """Whether all workers end by themselves, without an error."""
    return [os.waitpid(process, 0)[1] for process in processes] == [0] * len(processes)
