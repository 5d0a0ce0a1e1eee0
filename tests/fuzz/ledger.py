"""Ledgers of this version and, without checksums, of older ones."""

import itertools
import re
import tempfile
from pathlib import Path

from physscale.records.ledger import Ledger, Owner, State

NUMBER = itertools.count()


def seeds() -> list[bytes]:
    with tempfile.TemporaryDirectory() as name:
        ledger, owner = Ledger(Path(name) / "ledger.jsonl"), Owner()
        ledger.plan(["a", "b"])
        ledger.claim("a", owner=owner)
        ledger.heartbeat("a", owner=owner)
        ledger.claim("b", owner=owner)
        ledger.finish("b", State.FAILED, owner=owner, kind="ValueError", seconds=1.5)
        now = ledger.path.read_bytes()
    return [now, re.sub(rb'"check": "[0-9a-f]{8}", ', b"", now)]


def read(data: bytes, folder: Path) -> None:
    file = folder / f"{next(NUMBER)}.jsonl"  # a name of its own: the reader remembers files
    file.write_bytes(data)
    try:
        ledger = Ledger(file)
        ledger.entries()
        if ledger.claim("a", owner=Owner()):
            assert ledger.entries()["a"].state is State.RUNNING
    finally:
        file.unlink()
        file.with_name(f".{file.name}.lock").unlink(missing_ok=True)
