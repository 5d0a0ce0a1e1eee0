"""A shared file folded line by line: each line once, whoever appends, whatever happens to the
file."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physscale.records.errors import DamagedData
from physscale.records.json_lines import Folded, append_line
from physscale.records.ledger import Ledger, Owner, State


class Sum:
    """A fold that counts how often a line was put into it."""

    def __init__(self, path: Path) -> None:
        self.added = 0
        self.folded: Folded[Counter[str]] = Folded(path, empty=Counter, add=self.add)

    def add(self, value: Counter[str], line: dict[str, Any]) -> None:
        self.added += 1
        value[line["key"]] += 1

    def now(self) -> dict[str, int]:
        return self.folded.ask(dict)


def test_each_line_is_read_once_however_often_it_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    seen = Sum(path)
    assert seen.now() == {}
    for number in range(300):
        append_line(path, {"key": str(number % 3)})
        assert sum(seen.now().values()) == number + 1
    assert seen.added == 300


@given(
    steps=st.lists(
        st.sampled_from(["ours", "theirs", "torn", "replaced", "cut", "gone", "rewritten"]),
        max_size=12,
    )
)
def test_the_fold_is_what_a_fresh_reader_would_get(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    path = tmp_path_factory.mktemp("fold") / "log.jsonl"
    long_lived = Sum(path)
    for number, step in enumerate(steps):
        if step == "ours":
            long_lived.folded.append_after(
                lambda value, number=number: [{"key": f"{number}-{len(value)}"}]
            )  # type: ignore[misc]
        elif step == "theirs":
            append_line(path, {"key": "other"})
        elif step == "torn" and path.exists():
            with path.open("ab") as file:
                file.write(b'{"key": "to')
        elif step == "replaced":
            path.with_name("new").write_text('{"key": "new"}\n')
            path.with_name("new").replace(path)
        elif step == "cut" and path.exists():
            whole = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b"".join(whole[:-1]))
        elif step == "gone":
            path.unlink(missing_ok=True)
        elif step == "rewritten":
            path.write_text(
                "".join(json.dumps({"key": f"again {number} {line}"}) + "\n" for line in range(5))
            )
        assert long_lived.now() == Sum(path).now()


def test_a_foreign_line_is_damage_every_time_it_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    seen = Sum(path)
    append_line(path, {"key": "a"})
    assert seen.now() == {"a": 1}
    with path.open("ab") as file:
        file.write(b"nonsense\n")
    for _ in range(2):
        with pytest.raises(DamagedData, match="line 2"):
            seen.now()


def test_a_thousand_claims_read_the_ledger_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, owner, runs = (
        Ledger(tmp_path / "ledger.jsonl"),
        Owner(),
        [f"run-{number}" for number in range(400)],
    )
    loads, parsed = json.loads, Counter[str]()
    monkeypatch.setattr(json, "loads", lambda text: (parsed.update(["line"]), loads(text))[1])
    book.plan(runs)
    for run in runs:
        assert book.claim(run, owner=owner)
        book.finish(run, State.DONE, owner=owner)
    assert {entry.state for entry in book.entries().values()} == {State.DONE}
    assert parsed["line"] == 3 * len(runs)
