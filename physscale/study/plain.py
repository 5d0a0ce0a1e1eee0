"""The back end without Ray: one run after the other in this process, for debugging, tests and
machines where Ray is not wanted."""

from collections.abc import Sequence

from physscale.run.context import PlainContext
from physscale.scheduling.attempt import Job, Lease, Run, attempt


def run_plain(runs: Sequence[Run], *, job: Job) -> None:
    """Executes the runs; runs of several workers take one, which changes their result by rounding
    only."""
    import torch

    torch.set_num_threads(job.threads)
    for run in runs:
        _attempt(run, job=job)


def _attempt(run: Run, *, job: Job) -> None:
    def body(lease: Lease) -> None:
        job.execute(run, store=job.store, context=PlainContext(stop_requested=lease.stop_requested))

    attempt(run, job=job, body=body)
