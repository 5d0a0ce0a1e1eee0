"""Mutants that nothing can tell from the module: its file, the line as it is written, what takes
the changed place; and the reason."""

LEDGER = "physscale/records/ledger.py"
STORE = "physscale/records/store.py"
LINES = "physscale/records/json_lines.py"
ATTEMPT = "physscale/scheduling/attempt.py"
CLAIM = "return [_line(run, State.RUNNING, now_s=now_s, owner=owner, claim=True)]"
TOKEN = "token: str = field(default_factory=lambda: uuid.uuid4().hex[:12])"

WHOLE = "size = file.seek(0, os.SEEK_END)"
SHORT_OF_MEMORY = "the last newline is searched for instead, to the same place"

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (LEDGER, TOKEN, "13"): "a token of 13 digits is as good a token",
    (STORE, "file.flush()", "pass"): "closing flushes too; a loss of power alone tells them apart",
    (LEDGER, CLAIM, "False"): "that `claim` is in a line counts, not its value",
    (LINES, WHOLE, "1"): SHORT_OF_MEMORY,
    (LINES, "file.seek(size - 1)", "pass"): SHORT_OF_MEMORY,
    (LINES, 'if file.read(1) == b"\\n":', "2"): "one byte is left to read",
    (ATTEMPT, 'target=self._keep, name=f"lease-{run.fingerprint[:12]}", daemon=True', "False"): (
        "the thread is joined when the lease ends"
    ),
}
