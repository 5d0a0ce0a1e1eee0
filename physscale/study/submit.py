"""A study as a job of a Ray cluster: sent, then followed by polling its state. It keeps running
when the polling ends.

The log stream of `ray job submit` may end while the job goes on (ray#57002, ray#60665), so nothing
here relies on a stream: the state is polled, and new lines of the log are printed. The job's own
exit code is what counts."""

import json
import os
import shlex
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from physscale.ray_jobs.forwarded import FORWARDED
from physscale.records.errors import ClusterLost, UserError
from physscale.records.store import checked_folder, checked_name
from physscale.study.head import ENDED, Head, JobState, Silent
from physscale.study.package import Package
from physscale.study.pins import VARIABLE, present

Answer = TypeVar("Answer")
_LOOK_S = 1.0
_LONGEST_LOOK_S = 15.0
_FIRST_ANSWER_S = 5.0
_LAST_LINES_S = 10.0


@dataclass(frozen=True)
class Submission:
    """A job that was sent."""

    job: str
    entrypoint: str


def submit(
    head: Head,
    *,
    study: str,
    arguments: Sequence[str],
    package: Package,
    pinned: bool,
    patience_s: float,
) -> Submission:
    """Sends code and command; returns when the head has taken the job.

    Raises:
        UserError: where the head's Ray is another one, or it refuses.
        ClusterLost: where it falls silent on the way.
    """
    theirs, ours = _first_answer(head), present()["ray"]
    if pinned and theirs != ours:
        raise UserError(
            f"{head.address} runs Ray {theirs}, here is {ours}: install requirements.lock there, "
            "or submit with --any-versions"
        )
    uri = patiently(
        lambda: head.put_package(package.name, content=package.content),
        head=head,
        patience_s=patience_s,
    )
    job = f"{checked_name(study, what='study')}-{uuid.uuid4().hex[:8]}"
    entrypoint = shlex.join(["python", "-m", f"experiments.{study}", *arguments])
    variables = {name: os.environ[name] for name in FORWARDED if name in os.environ} | (
        {VARIABLE: json.dumps(present())} if pinned else {}
    )
    environment = {"working_dir": uri} | ({"env_vars": variables} if variables else {})
    metadata = {"study": study, "commit": package.commit + "+" * bool(package.changed)}

    def start() -> None:
        _start(head, job=job, entrypoint=entrypoint, environment=environment, metadata=metadata)

    patiently(start, head=head, patience_s=patience_s)
    return Submission(job, entrypoint)


def follow(
    head: Head, *, job: str, patience_s: float, say: Callable[[str], None], printed: int = 0
) -> JobState:
    """Prints what the job prints until it has ended; returns its last state.

    Raises:
        UserError: if there is no such job.
        ClusterLost: after `patience_s` without an answer.
    """
    look_s = _LOOK_S
    while True:
        # the state first: what is printed before the end is then in the log that is read after it
        state = patiently(lambda: head.state(job), head=head, patience_s=patience_s)
        log = _log(head, job=job, until_s=_LAST_LINES_S if state.status in ENDED else 0.0)
        if len(log) > printed:
            say(log[printed:])
            printed, look_s = len(log), _LOOK_S
        if state.status in ENDED:
            return state
        time.sleep(look_s)
        look_s = min(1.2 * look_s, _LONGEST_LOOK_S)


def exit_code(state: JobState) -> int:
    """The job's own exit code, where the head knows it."""
    if state.status == "SUCCEEDED":
        return 0
    if state.status == "STOPPED":
        return 143
    return state.exit_code or 1


def patiently(ask: Callable[[], Answer], *, head: Head, patience_s: float) -> Answer:
    """The answer; the question is repeated while the head is silent."""
    begun_s, wait_s = time.monotonic(), 0.2
    while True:
        try:
            return ask()
        except Silent as silence:
            gone_s = time.monotonic() - begun_s
            if gone_s > patience_s:
                raise ClusterLost(
                    f"{head.address}: no answer for {gone_s:.0f} s ({silence})"
                ) from silence
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, 5.0)


def checked_results(results: str | None) -> str:
    """A folder that every node of a cluster sees.

    Raises:
        UserError: for a bucket, and for a relative path: it would lie in a temporary folder of one
            node and go with the job.
    """
    if not results:
        raise UserError(
            "--results: say where the cluster keeps the study: a folder that all its nodes see"
        )
    checked_folder(Path(results))
    if not PurePosixPath(results).is_absolute():
        raise UserError(
            f"--results {results[:80]!r}: must be an absolute folder that all nodes see"
        )
    return results


def _log(head: Head, *, job: str, until_s: float) -> str:
    """What the job has printed; nothing while the node that holds it does not answer, which is no
    reason to give the job up."""
    try:
        return patiently(lambda: head.log(job), head=head, patience_s=until_s)
    except ClusterLost:
        return ""


def _first_answer(head: Head) -> str:
    """The head's version of Ray: whoever is silent now may have another address."""
    try:
        return patiently(head.ray_version, head=head, patience_s=_FIRST_ANSWER_S)
    except ClusterLost as silence:
        raise UserError(
            f"{silence}; is the head up, is --address its dashboard's, and is the port forwarded "
            "to here?"
        ) from silence


def _start(
    head: Head, *, job: str, entrypoint: str, environment: dict[str, Any], metadata: dict[str, str]
) -> None:
    """Once, though the answer to the first asking may have been lost: a job of this name that is
    there already is this one."""
    try:
        head.submit(entrypoint=entrypoint, job=job, runtime_env=environment, metadata=metadata)
    except UserError as error:
        if "already" not in str(error):
            raise
