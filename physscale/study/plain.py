"""The back end without Ray: one run after another in this process, for debugging, tests and
machines without Ray."""

from collections.abc import Sequence

from physscale.scheduling.attempt import Attempted, Job, Lease, attempt
from physscale.scheduling.gpus import Device


def run_plain(runs: Sequence[Attempted], *, job: Job, device: Device) -> None:
    """Executes the runs; runs of several workers take one, which changes their result by rounding
    only."""
    import torch  # a plan needs neither torch nor what trains

    from physscale.run.context import PlainContext

    torch.set_num_threads(job.threads)
    for run in runs:

        def body(lease: Lease, run: Attempted = run) -> None:
            context = PlainContext(lease.stop_requested, device=device)
            job.execute(run, store=job.store, context=context)

        attempt(run, job=job, body=body)
