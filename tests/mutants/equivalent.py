"""Mutants that nothing can tell from the module: its file, the line as it is written, what takes
the changed place; and the reason."""

LEDGER = "physscale/records/ledger.py"
STORE = "physscale/records/store.py"
CLAIM = "return [_line(run, State.RUNNING, now_s=now_s, owner=owner, claim=True)]"
TOKEN = "token: str = field(default_factory=lambda: uuid.uuid4().hex[:12])"

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (LEDGER, TOKEN, "13"): "a token of 13 digits is as good a token",
    (STORE, "file.flush()", "pass"): "closing flushes too; a loss of power alone tells them apart",
    (LEDGER, CLAIM, "False"): "that `claim` is in a line counts, not its value",
}
