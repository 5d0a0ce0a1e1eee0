"""`physscale submit`: runs a study as a job of a Ray cluster and follows it from here, even through
lost connections."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from physscale.cli.options import (
    Budget,
    Hours,
    MachineFile,
    Name,
    Next,
    Only,
    Overrides,
    TunedFile,
    open_study,
)
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError
from physscale.records.leaving import Stopped
from physscale.scheduling.machine_file import read_machine
from physscale.study.head import Head, JobState, head_at
from physscale.study.package import ALONG, Package, pack
from physscale.study.submit import checked_results, exit_code, follow, submit

_DEFAULT_ADDRESS = "http://127.0.0.1:8265"

Address = Annotated[
    str,
    typer.Option(
        metavar="URL", envvar="RAY_API_SERVER_ADDRESS", help="Address of the cluster's dashboard."
    ),
]
Place = Annotated[
    str | None,
    typer.Option(
        "--results", metavar="DIR", help="Results folder on the cluster; every node must see it."
    ),
]
Job = Annotated[
    str | None,
    typer.Option(
        "--job", metavar="ID", help="Follow a job that was sent before, instead of sending one."
    ),
]
Wait = Annotated[
    bool,
    typer.Option("--wait/--no-wait", help="Follow the job to its end, or leave once it is sent."),
]
AnyVersions = Annotated[
    bool,
    typer.Option(
        "--any-versions", help="Run even if the cluster's Ray, torch, numpy or pyarrow differ."
    ),
]
Patience = Annotated[
    float,
    typer.Option("--patience", metavar="S", help="How long the head may be silent, in seconds."),
]


def submit_command(
    name: Name = "",
    overrides: Overrides = None,
    address: Address = _DEFAULT_ADDRESS,
    results: Place = None,
    only: Only = None,
    machine: MachineFile = None,
    budget: Budget = None,
    hours: Hours = None,
    proposal: Next = None,
    tuned: TunedFile = None,
    job: Job = None,
    wait: Wait = True,
    any_versions: AnyVersions = False,
    patience: Patience = 120.0,
    as_json: AsJson = False,
) -> None:
    """Run a study as a job of a Ray cluster and follow it.

    It sends the files that git tracks, and ends with the job's exit code."""
    if bool(name) == (job is not None):
        raise UserError("submit: give a STUDY to send, or --job ID to come back to one")
    head = head_at(address)
    if job is None:
        where = checked_results(results)
        opened = open_study(
            name,
            results=Path("results"),
            overrides=overrides,
            only=only,
            proposal=proposal,
            tuned=tuned,
        )
        read_machine(machine)  # what would fail there fails here
        _say(f"{name}: {len(opened.study.runs)} runs")
        named = {"--machine": machine, "--next": proposal, "--tuned": tuned}
        files = {option: file for option, file in named.items() if file is not None}
        places = {
            option: f"{ALONG}/{option.removeprefix('--')}{file.suffix}"
            for option, file in files.items()
        }
        package = pack(
            Path.cwd(),
            study=name,
            along={places[option]: file.read_bytes() for option, file in files.items()},
        )
        values = [
            ("--results", where),
            ("--budget", budget),
            ("--hours", hours),
            *places.items(),
            *(("--only", group) for group in only or []),
        ]
        given = [
            str(word) for option, value in values if value is not None for word in (option, value)
        ]
        job = _send(
            head,
            name=name,
            arguments=[*given, *(overrides or [])],
            package=package,
            pinned=not any_versions,
            patience_s=patience,
        )
        _say(f"come back with: {_return_to(head, job=job)}")
    if wait:
        state = _followed(head, job=job, patience_s=patience, as_json=as_json)
    elif as_json:
        state = head.state(job)
    else:
        return
    if as_json:
        print_json(
            {
                "job": job,
                "address": head.address,
                "status": state.status,
                "exit_code": exit_code(state) if wait else None,
            }
        )
    raise typer.Exit(exit_code(state) if wait else 0)


def _send(
    head: Head,
    *,
    name: str,
    arguments: list[str],
    package: Package,
    pinned: bool,
    patience_s: float,
) -> str:
    """Sends the job. Returns its name once the head has it."""
    changed = f", {package.changed} files changed since" if package.changed else ""
    _say(
        f"{package.files} tracked files, {package.bytes / 1e6:.1f} MB, commit "
        f"{package.commit}{changed}"
    )
    sent = submit(
        head, study=name, arguments=arguments, package=package, pinned=pinned, patience_s=patience_s
    )
    _say(f"job {sent.job} on {head.address}: {sent.entrypoint}")
    return sent.job


def _followed(head: Head, *, job: str, patience_s: float, as_json: bool) -> JobState:
    """Follows the job to its last state. Ctrl-C stops following; the job goes on."""

    def say(text: str) -> None:
        typer.echo(text, nl=False, err=as_json)

    try:
        state = follow(head, job=job, patience_s=patience_s, say=say)
    except Stopped:
        _say(f"\njob {job} goes on; come back with: {_return_to(head, job=job)}")
        _say(f"end it with: ray job stop --address {head.address} {job}")
        raise
    ending = (
        f": {' '.join(state.message.split())[:200]}"
        if state.status == "FAILED" and state.message
        else ""
    )
    _say(f"job {job}: {state.status}{ending}")
    return state


def _return_to(head: Head, *, job: str) -> str:
    return shlex.join(["physscale", "submit", "--address", head.address, "--job", job])


def _say(text: str) -> None:
    """Prints a line for people, beside the job's own output."""
    typer.echo(text, err=True)
