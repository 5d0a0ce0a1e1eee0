"""The command line: plan, run, status, metrics, gc, doctor; simulate, show, check, phyre. One line an error, one exit code a kind of error.

0 done · 1 some runs failed · 2 wrong key, value, name or folder · 3 held by another driver · 4 cannot be scheduled · 5 damaged data ·
130, 143 ended by Ctrl-C, SIGTERM. Nothing here imports torch or Ray before there is something to run.
"""

import dataclasses
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from physscale.cli_data import check, show, simulate
from physscale.cli_phyre import phyre
from physscale.ray_jobs.resources import Machine
from physscale.records.errors import UserError
from physscale.records.ledger import FINAL, State
from physscale.records.store import Store, checked_name
from physscale.run.gather import behind, gather
from physscale.study.drive import check_schedulable, run_study
from physscale.study.inspect import examine, failures, garbage, history, remove
from physscale.study.machine import read_machine
from physscale.study.overrides import overridden
from physscale.study.plan import Row, plan, told, write_study
from physscale.study.progress import Follower, span, status_table
from physscale.study.spec import Study, load_study

app = typer.Typer(
    help="Does a video model learn the law, or the cases? Plan, run and watch scaling studies of physics videos.",
    epilog="First steps: `physscale plan quickstart`, `physscale run quickstart`, `python -m analysis report results/quickstart`.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(metavar="STUDY", help="A module of experiments/, by its name.")]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes to every run, as in train.steps=100.")]
Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Where studies keep their results.")]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="GROUP", help="This group of runs alone; may be repeated.")]
MachineFile = Annotated[Path | None, typer.Option("--machine", metavar="FILE", help="A machine of cluster/*.yaml; else this one.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


_UsageError: Any = typer.BadParameter.__base__
"""Typer brings its own click since 0.26, and exports this class by its child alone."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(given or ["--help"], standalone_mode=False)
    except UserError as error:
        _fail(str(error), code=error.exit_code)
    except _UsageError as error:
        _fail(f"{error.format_message()} (try --help)", code=UserError.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(code or 0)


def run_as_module(name: str) -> None:
    """`python -m experiments.NAME ...` is `physscale run NAME ...`."""
    main(["run", name, *sys.argv[1:]])


@app.command("plan", epilog="Examples: `physscale plan quickstart`; `physscale plan quickstart train.steps=200 --json`.")
def plan_command(
    name: Name,
    overrides: Overrides = None,
    only: Only = None,
    results: Results = Path("results"),
    machine: MachineFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the runs of a study, what they cost, and which are done."""
    study = _study(name, overrides=overrides, only=only)
    chosen = read_machine(machine)
    rows = plan(study, store=_store(study, results=results), flops_per_s=chosen.flops_per_s)
    arithmetic = check_schedulable(rows, machine=chosen, backend="ray")
    if as_json:
        _print_json(
            {"study": study.name, "question": study.question, "schedule": arithmetic, "runs": [dataclasses.asdict(row) for row in rows]}
        )
        return
    console = _console()
    console.print(f"[bold]{study.name}[/bold]: {study.question}")
    console.print(_plan_table(rows))
    left = [row for row in rows if row.state not in FINAL]
    work = span(sum(row.estimated_s for row in left))
    console.print(
        f"{len(rows)} runs, {len(left)} to run: {sum(row.flops for row in left):.2e} FLOPs, about {work} of work", highlight=False
    )
    for line in arithmetic:
        console.print(f"schedule: {line}", highlight=False)


@app.command("run", epilog="Examples: `physscale run quickstart`; `physscale run quickstart --only pairs train.steps=200 --backend plain`.")
def run_command(
    name: Name,
    overrides: Overrides = None,
    only: Only = None,
    results: Results = Path("results"),
    machine: MachineFile = None,
    backend: Annotated[Literal["ray", "plain"], typer.Option(help="ray: Ray Tune and Train; plain: one after the other, here.")] = "ray",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
) -> None:
    """Run what is missing of a study. Run again = continue; Ctrl-C saves and stops."""
    if dry_run:
        plan_command(name, overrides, only, results, machine, as_json=False)
        return
    whole = _study(name, overrides=overrides, only=None)
    study = whole.only(only) if only else whole
    store = _store(study, results=results)
    chosen = read_machine(machine)
    rows = plan(study, store=store, flops_per_s=chosen.flops_per_s)
    console = _console()
    everything = plan(whole, store=store, flops_per_s=chosen.flops_per_s)
    missing = any(row.state not in FINAL for row in rows)
    if missing:
        check_schedulable(rows, machine=chosen, backend=backend)
    groups = {row.fingerprint: row.group for row in everything}
    changed = missing or told(store) != list(groups)
    if changed:
        write_study(whole, store=store, rows=everything)
    code = 0
    if missing:
        ending = run_study(study, rows=rows, store=store, backend=backend, machine=chosen, console=console)
        rows, code = ending.rows, ending.exit_code
    if changed or behind(store, runs=groups):
        gather(store, groups=groups)
    _say_ending(study, store=store, rows=rows, console=console)
    raise typer.Exit(code)


@app.command("status", epilog="Example: `physscale status quickstart`.")
def status_command(name: Name, results: Results = Path("results"), as_json: AsJson = False) -> None:
    """Show how far a study is, from any other terminal."""
    study = _study(name, overrides=None, only=None)
    store = _store(study, results=results)
    standings = Follower(plan(study, store=store, flops_per_s=Machine().flops_per_s), store=store).look()
    if as_json:
        _print_json({"study": name, "runs": [dataclasses.asdict(item.row) | {"step": item.step, "loss": item.loss} for item in standings]})
        return
    _console().print(status_table(standings, lines=len(standings)))


@app.command("metrics", epilog="Examples: `physscale metrics quickstart`; `physscale metrics quickstart 4f2a --json`.")
def metrics_command(
    name: Name,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="A run, by the beginning of its fingerprint; else the newest line of all.")
    ] = "",
    results: Results = Path("results"),
    as_json: AsJson = False,
) -> None:
    """Show the training history of a run."""
    store = Store(results / checked_name(name, what="study"))
    lines = history(store, beginning=run)
    if as_json:
        _print_json({"study": name, "lines": lines})
        return
    for line in lines:
        typer.echo(
            "  ".join(
                f"{key} {value:.6g}" if isinstance(value, float) else f"{key} {value}" for key, value in line.items() if key != "time_s"
            )
        )


@app.command("gc", epilog="Example: `physscale gc quickstart --dry-run`.")
def gc_command(
    name: Name,
    results: Results = Path("results"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, remove nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what no run needs any more: half-written files of killed processes, and finished runs' older checkpoints."""
    store = Store(results / checked_name(name, what="study"))
    found = garbage(store)
    if not dry_run:
        remove(found)
    megabytes = sum(item.bytes for item in found) / 1e6
    if as_json:
        _print_json(
            {
                "removed": [] if dry_run else [str(item.path) for item in found],
                "found": [str(item.path) for item in found],
                "megabytes": megabytes,
            }
        )
        return
    for item in found:
        typer.echo(f"{item.path}  {item.bytes / 1e6:.1f} MB  {item.why}")
    typer.echo(f"{len(found)} items, {megabytes:.1f} MB {'would go' if dry_run else 'removed'}")


for data_command in (simulate, show, check):
    app.command()(data_command)
app.add_typer(phyre, name="phyre")


@app.command("doctor", epilog="Example: `physscale doctor`.")
def doctor_command(results: Results = Path("results"), as_json: AsJson = False) -> None:
    """Check that this machine can run a study, and that nothing stands open."""
    findings = examine(results)
    if as_json:
        _print_json({"findings": [dataclasses.asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            typer.echo(f"{finding.verdict:5} {finding.what}: {finding.detail}")
    raise typer.Exit(UserError.exit_code if any(finding.verdict == "wrong" for finding in findings) else 0)


def _study(name: str, *, overrides: list[str] | None, only: list[str] | None) -> Study:
    study = overridden(load_study(name), overrides=overrides or [])
    return study.only(only) if only else study


def _store(study: Study, *, results: Path) -> Store:
    return Store(results / study.name)


def _say_ending(study: Study, *, store: Store, rows: list[Row], console: Console) -> None:
    """What became of the runs, and where to look."""
    counts = Counter(row.state for row in rows)
    if set(counts) <= FINAL:
        diverged = f" ({counts[State.DIVERGED]} diverged)" if counts[State.DIVERGED] else ""
        console.print(f"{study.name}: all {len(rows)} runs are done{diverged}: {store.root}", highlight=False, soft_wrap=True)
    else:
        told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        console.print(f"{study.name}: {told}; the same command goes on", highlight=False, soft_wrap=True)
    for full, error in failures(store, rows=rows).items():
        console.print(
            f"{full[:12]} {error} (see {store.run(full).root / 'error.txt'})", highlight=False, soft_wrap=True, markup=False, style="red"
        )
    if store.report.exists():
        console.print(f"report: {store.report}", highlight=False, soft_wrap=True)
    elif set(counts) <= FINAL:
        console.print(f"report: python -m analysis report {store.root}", highlight=False, soft_wrap=True)


def _plan_table(rows: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name, justify in (
        ("run", "left"),
        ("group", "left"),
        ("what", "left"),
        ("N", "right"),
        ("FLOPs", "right"),
        ("about", "right"),
        ("state", "left"),
    ):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in rows:
        cells = (
            row.fingerprint[:12],
            "+".join(row.groups),
            row.label,
            f"{row.parameters:,}",
            f"{row.flops:.1e}",
            span(row.estimated_s),
            row.state,
        )
        table.add_row(*cells)
    return table


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=160)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=1))


def _fail(message: str, *, code: int) -> NoReturn:
    typer.echo(f"physscale: {' '.join(message.split())}", err=True)
    sys.exit(code)
