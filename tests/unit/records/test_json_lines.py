"""Lines on disk: any object comes back, no flipped bit goes unnoticed, and in which order they are
written."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from physscale.records import json_lines
from physscale.records.errors import DamagedData, UserError
from physscale.records.json_lines import (
    Folded,
    append_line,
    entry_of,
    read_lines,
    shared_time_s,
)

VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text()
OBJECTS = st.dictionaries(st.text().filter(lambda key: key != "check"), VALUES, max_size=4)


@given(entries=st.lists(OBJECTS, max_size=4))
@settings(max_examples=30)
def test_any_object_comes_back(
    tmp_path_factory: pytest.TempPathFactory, entries: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "log.jsonl"
    for entry in entries:
        append_line(path, entry)
    assert read_lines(path) == entries


def test_no_flipped_bit_goes_unnoticed(tmp_path: Path) -> None:
    path, entries = tmp_path / "log.jsonl", [{"run": "a", "state": "DONE"}, {}]
    for entry in entries:
        append_line(path, entry)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            if place == len(whole) - 1:
                assert read_lines(path) == entries[:1], "a torn last line does not count"
            else:
                with pytest.raises(DamagedData):
                    read_lines(path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"nonsense\n", "not a JSON object"),
        (b"[1]\n", "not a JSON object"),
        (b'{"check": "00000000", "a": 1}\n', "not what was written"),
        (b'{"chezk": "00000000", "a": 1}\n', "not what was written"),
        (b'{"a": 1, "check": "00000000"}\n', "not what was written"),
    ],
)
def test_a_line_that_was_not_written_so_is_named(line: bytes, said: str) -> None:
    with pytest.raises(DamagedData, match=rf"\Alog line 7: {said}.*; move the file away or cut it"):
        entry_of(line, where="log line 7")


def test_a_line_of_an_older_version_has_no_check() -> None:
    assert entry_of(b'{"a": 1}\n', where="") == {"a": 1}
    assert entry_of(b'{"a": 1}', where="") == {"a": 1}


def test_lines_are_on_the_disk_when_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "log.jsonl", list[str]()
    append_line(path, {"a": 1})
    whole = path.stat().st_size
    with path.open("ab") as file:
        file.write(b'{"torn')

    def look(name: object) -> None:
        seen.append(f"{name} {path.stat().st_size - whole}")

    monkeypatch.setattr(json_lines, "point", look)
    monkeypatch.setattr(os, "fsync", lambda _: look("on the disk"))
    append_line(path, {"b": 2})
    added = path.stat().st_size - whole
    assert seen == ["line begun 0", f"line written {added}", f"on the disk {added}"]


def test_the_clock_is_that_of_the_file_system(tmp_path: Path) -> None:
    assert abs(shared_time_s(tmp_path / "log.jsonl") - time.time()) < 60
    os.utime(tmp_path / ".log.jsonl.lock", (0, 0))
    assert abs(shared_time_s(tmp_path / "log.jsonl") - time.time()) < 60


def test_a_folder_in_the_place_of_the_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"cannot read {tmp_path}: Is a directory"):
        read_lines(tmp_path)
    assert read_lines(tmp_path / "absent") == []


def counted(value: dict[str, int], line: dict[str, Any]) -> None:
    """Changes the value before it finds out that the line is none of its own."""
    value["lines"] = value.get("lines", 0) + 1
    value["sum"] = value.get("sum", 0) + line["number"]


def test_a_line_that_cannot_be_folded_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = Folded[dict[str, int]](path, empty=dict, add=counted)
    assert log.append_after(lambda _: [{"number": 1}, {"number": 2}]) == [
        {"number": 1},
        {"number": 2},
    ]
    assert log.append_after(lambda value: [{"number": value["sum"]}]) == [{"number": 3}]
    whole = path.read_bytes()
    append_line(path, {"other": 1})
    for _ in range(2):
        with pytest.raises(DamagedData, match="line 4: not a line of such a file"):
            log.ask(dict)
    with path.open("r+b") as file:
        file.truncate(len(whole))
    assert log.ask(dict) == {"lines": 3, "sum": 6}


def test_nothing_to_add_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = Folded[dict[str, int]](path, empty=dict, add=counted)
    append_line(path, {"number": 5})
    with path.open("ab") as file:
        file.write(b'{"torn')
    before = path.read_bytes()
    assert log.append_after(lambda _: []) == []
    assert path.read_bytes() == before
    log.append_after(lambda _: [{"number": 6}])
    assert [json.loads(line)["number"] for line in path.read_bytes().splitlines()] == [5, 6]


def test_lines_are_folded_once_and_a_replaced_file_anew(tmp_path: Path) -> None:
    path, seen = tmp_path / "log.jsonl", list[int]()
    log = Folded[list[int]](path, empty=list, add=lambda value, line: value.append(line["number"]))
    path.write_text('{"number": 1}\n{"number": 2}\n')
    for _ in range(3):
        assert log.ask(tuple) == (1, 2)
    path.with_name("new").write_text('{"number": 7}\n{"number": 2}\n')
    path.with_name("new").replace(path)
    assert log.ask(tuple) == (7, 2), "though its end is as before"
    once = Folded[list[int]](path, empty=list, add=lambda _, line: seen.append(line["number"]))
    for _ in range(3):
        once.ask(tuple)
    assert seen == [7, 2]
