"""The back end without Ray: one run, or one pack, after another in this process, for debugging,
tests and machines without Ray."""

from collections.abc import Sequence

from physscale.scheduling.arithmetic import prepare
from physscale.scheduling.attempt import Attempted, Job, Lease
from physscale.scheduling.gpus import Device
from physscale.scheduling.packs import attempts, packs
from physscale.train.pack import Seat


def run_plain(runs: Sequence[Attempted], *, job: Job, device: Device, pack: int) -> None:
    """Executes the runs, up to `pack` of one shape as one program; runs of several workers take
    one, which changes their result by rounding only."""
    from physscale.run.context import PlainContext  # a plan needs nothing that trains

    prepare(threads=job.threads, arithmetic=job.arithmetic)

    def body(run: Attempted, lease: Lease, seat: Seat | None) -> None:
        context = PlainContext(lease.stop_requested, device=device, seat=seat)
        job.execute(run, store=job.store, context=context)

    for together in packs(runs, largest=pack):
        attempts(together, job=job, largest=pack, body=body)
