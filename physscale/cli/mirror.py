"""The commands that keep a study beyond the life of a cluster: `push` copies it to an object store,
`pull` brings it back."""

import time
from pathlib import Path
from typing import Annotated

import typer

from physscale.cli.options import Name, Results, store_of
from physscale.records.command_line import AsJson, print_json
from physscale.records.ledger import FINAL, Ledger
from physscale.records.mirror import Copied, mirror_at
from physscale.records.mirror import pull as pulled_from
from physscale.records.mirror import push as pushed_to

_Uri = Annotated[
    str,
    typer.Argument(
        metavar="URI",
        help="s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or a folder; the study gets a folder in it.",
    ),
]


def push(
    name: Name,
    uri: _Uri,
    results: Results = Path("results"),
    every: Annotated[
        float | None,
        typer.Option(
            "--every", metavar="SECONDS", help="Repeat at this interval until every run has ended."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Copy a study to an object store: ended and stopped runs, the ledger, the tables.

    The same command copies what has changed since. Latents and weights are not copied: `physscale
    encode` makes latents again, and PHYSSCALE_WEIGHTS names the folder of weights."""
    store, mirror = store_of(name, results=results), mirror_at(uri, study=name)
    while every is not None and not store.ledger.exists():
        time.sleep(every)
    _say(pushed_to(store, mirror), name=name, word="pushed", as_json=as_json)
    while every is not None and any(
        entry.state not in FINAL for entry in Ledger(store.ledger).entries().values()
    ):
        time.sleep(every)
        copied = pushed_to(store, mirror)
        if copied.runs:
            _say(copied, name=name, word="pushed", as_json=as_json)


def pull(
    name: Name, uri: _Uri, results: Results = Path("results"), as_json: AsJson = False
) -> None:
    """Bring a study back from an object store.

    Finished runs are finished here too; stopped ones continue from their checkpoint."""
    store = store_of(name, results=results)
    _say(pulled_from(store, mirror_at(uri, study=name)), name=name, word="pulled", as_json=as_json)


def _say(copied: Copied, *, name: str, word: str, as_json: bool) -> None:
    if as_json:
        print_json({"study": name, word: copied.runs, "bytes": copied.bytes})
    else:
        typer.echo(f"{name}: {len(copied.runs)} runs {word}, {copied.bytes / 1e6:.1f} MB")
