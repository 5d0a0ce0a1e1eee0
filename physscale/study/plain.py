"""The back end without Ray: one run after another in this process, for debugging, tests and
machines without Ray."""

from collections.abc import Sequence

from physscale.scheduling.arithmetic import prepare
from physscale.scheduling.attempt import Attempted, Job, Lease, attempt
from physscale.scheduling.gpus import Device


def run_plain(runs: Sequence[Attempted], *, job: Job, device: Device) -> None:
    """Executes the runs; runs of several workers take one, which changes their result by rounding
    only."""
    from physscale.run.context import PlainContext  # a plan needs nothing that trains

    prepare(threads=job.threads, arithmetic=job.arithmetic)
    for run in runs:

        def body(lease: Lease, run: Attempted = run) -> None:
            context = PlainContext(lease.stop_requested, device=device)
            job.execute(run, store=job.store, context=context)

        attempt(run, job=job, body=body)
