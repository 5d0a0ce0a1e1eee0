"""Keeps results and machine in order: `physscale gc | retry | doctor`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from physscale.cli.options import DryRun, Name, Results, rows_of, store_of
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError
from physscale.study.attempts import Retried, retry, to_retry
from physscale.study.inspect import examine, garbage, remove

Kinds = Annotated[
    list[Retried] | None,
    typer.Option("--only", help="Only runs that failed or diverged; by default those that failed."),
]
Runs = Annotated[
    list[str] | None,
    typer.Argument(metavar="RUN", help="Only these runs, by the beginning of their fingerprints."),
]


def gc_command(
    name: Name, results: Results = Path("results"), dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Remove files that no run needs: half-written ones, orphan and older checkpoints.

    Latents and weights stay, because a run that is added later reads them."""
    store = store_of(name, results=results)
    found = garbage(store)
    if not dry_run:
        remove(found)
    megabytes = sum(item.bytes for item in found) / 1e6
    if as_json:
        paths = [str(item.path) for item in found]
        print_json({"removed": [] if dry_run else paths, "found": paths, "megabytes": megabytes})
        return
    for item in found:
        typer.echo(f"{item.path}  {item.bytes / 1e6:.1f} MB  {item.why}")
    typer.echo(f"{len(found)} items, {megabytes:.1f} MB {'would go' if dry_run else 'removed'}")


def retry_command(
    name: Name,
    runs: Runs = None,
    only: Kinds = None,
    results: Results = Path("results"),
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put failed or diverged runs back on the list; `physscale run` then takes them.

    Diverged runs start from the beginning, failed ones from their last checkpoint."""
    kinds = only or [Retried.FAILED]
    rows = to_retry(rows_of(name, results=results), kinds=kinds)
    for beginning in runs or []:
        if not any(row.fingerprint.startswith(beginning) for row in rows):
            raise UserError(
                f"run {beginning[:64]!r}: none of the {len(rows)} {' or '.join(kinds)} runs "
                "begins so"
            )
    chosen = [
        row
        for row in rows
        if not runs or any(row.fingerprint.startswith(beginning) for beginning in runs)
    ]
    if not dry_run:
        retry(store_of(name, results=results), rows=chosen)
    if as_json:
        found = [row.fingerprint for row in chosen]
        print_json({"study": name, "retried": [] if dry_run else found, "found": found})
        return
    for row in chosen:
        typer.echo(f"{row.fingerprint[:12]}  {row.state}  {row.label}")
    verb = "would be put back" if dry_run else "put back"
    typer.echo(
        f"{len(chosen)} runs {verb}; physscale run {name} takes them"
        if chosen
        else f"no {' or '.join(kinds)} runs"
    )


def doctor_command(results: Results = Path("results"), as_json: AsJson = False) -> None:
    """Check that this machine can run a study and that its secrets are private."""
    findings = examine(results)
    if as_json:
        print_json({"findings": [dataclasses.asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{finding.verdict:5} {finding.what}: {finding.detail}")
    raise typer.Exit(
        UserError.exit_code if any(finding.verdict == "wrong" for finding in findings) else 0
    )
