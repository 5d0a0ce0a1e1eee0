"""The commands that show a study elsewhere: `sync` sends runs to W&B, `dashboard` writes or
publishes their dashboard."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from physscale.cli.options import Name, Results, store_of
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError
from physscale.records.spec import short
from physscale.records.store import write_atomic


def sync(name: Name, results: Results = Path("results"), as_json: AsJson = False) -> None:
    """Send the runs that were kept offline to W&B.

    Runs that are there already are left alone. `WANDB_API_KEY` says who you are. A server that
    does not answer costs less than a minute, and nothing is lost."""
    from physscale.tracking.launch import send

    ending = send(store_of(name, results=results))
    left = ending.left
    if as_json:
        print_json({"study": name, "sent": ending.sent, "left": left})
    else:
        typer.echo(
            f"{name}: {len(ending.sent)} runs sent, {len(left)} "
            f"left{': ' if left else ''}{', '.join(short(full) for full in left[:8])}"
        )
        if left:
            typer.echo(
                f"see {results / name / 'tracking' / 'follower.log'}; the same command tries again",
                err=True,
            )
    raise typer.Exit(1 if left else 0)


def dashboard(
    name: Name,
    results: Results = Path("results"),
    publish: Annotated[
        bool,
        typer.Option("--publish", help="Save it on W&B as well (WANDB_API_KEY, WANDB_ENTITY)."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the W&B dashboard of a study as a file, or publish it.

    It shows scaling, the errors of every split, training, videos and the sweep."""
    from physscale.tracking import dashboard as code
    from physscale.tracking.weights_and_biases import project

    store = store_of(name, results=results)
    entity = os.environ.get("WANDB_ENTITY", "")
    if publish and not entity:
        raise UserError(
            "WANDB_ENTITY is not set: the W&B user or team whose dashboard this shall be"
        )
    board = code.workspace(code.measured(store), entity=entity or "ENTITY", project=project())
    file = store.root / "dashboard.json"
    write_atomic(file, json.dumps(code.specification(board), indent=1).encode())
    url = code.publish(board) if publish else None
    if as_json:
        print_json({"study": name, "file": str(file), "url": url})
    else:
        typer.echo(f"dashboard: {url or file}")
