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
MANIFEST = 'write_atomic(temporary / MANIFEST, json.dumps({"files": files}, indent=1).encode())'

RESOURCES = "physscale/scheduling/resources.py"
ROOM = "room = min(max(0, _units(node.cpus)) // item, _on_gpus(node, each=item_gpus), _AT_A_TIME)"
LONGER = "longer = np.full(min(len(most) + room, _AT_A_TIME + 1), -1, np.int64)"
ENOUGH = "if len(most) > _AT_A_TIME and most[-1] >= machine.data_tasks * _AT_A_TIME:"
CAPACITY = "capacity = min(max(0, _units(node.cpus)) // item, _on_gpus(node, each=item_gpus))"

EQUIVALENT: dict[tuple[str, str, str], str] = {
    (LEDGER, TOKEN, "13"): "a token of 13 digits is as good a token",
    (STORE, "file.flush()", "pass"): "closing flushes too; a loss of power alone tells them apart",
    (STORE, MANIFEST, "2"): "the white space of a manifest is for people",
    (RESOURCES, ROOM, "1"): "a ten-thousandth of a CPU holds no run",
    (RESOURCES, CAPACITY, "1"): "a ten-thousandth of a CPU holds no worker",
    (RESOURCES, LONGER, "2"): "any negative number stands for not reached",
    (
        RESOURCES,
        ENOUGH,
        "most[-1] > machine.data_tasks * _AT_A_TIME",
    ): "the early end alone: the same number comes out at the end",
    (LEDGER, CLAIM, "False"): "that `claim` is in a line counts, not its value",
    (LINES, WHOLE, "1"): SHORT_OF_MEMORY,
    (LINES, "file.seek(size - 1)", "pass"): SHORT_OF_MEMORY,
    (LINES, 'if file.read(1) == b"\\n":', "2"): "one byte is left to read",
    (ATTEMPT, 'target=self._keep, name=f"lease-{run.fingerprint[:12]}", daemon=True', "False"): (
        "the thread is joined when the lease ends"
    ),
}
