"""JSON files and lines that notice damage; those of older versions are taken as they are."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from physscale.records.errors import DamagedData
from physscale.records.json_file import read_json, write_json
from physscale.records.json_lines import append_line, read_lines

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=9,
)
OBJECTS = st.dictionaries(st.text(max_size=5).filter(lambda key: key != "sha256"), JSON, max_size=4)
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@SHARED
@given(values=OBJECTS)
def test_an_object_comes_back_and_no_other_does(tmp_path: Path, values: dict[str, object]) -> None:
    path = tmp_path / "a.json"
    write_json(path, values)
    assert read_json(path) == values
    other = json.loads(path.read_bytes()) | {"added": 1}
    path.write_text(json.dumps(other))
    with pytest.raises(DamagedData, match=r"drop its line 'sha256'"):
        read_json(path)


def test_a_file_without_a_seal_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"a": 1}')
    assert read_json(tmp_path / "old.json") == {"a": 1}


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "\x00", "[" * 100_000, '{"a": 1} x'])
def test_what_is_no_object_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(DamagedData, match=r"\A[^\n]*bad\.json: [^\n]*\Z"):
        read_json(path)


@SHARED
@given(values=OBJECTS.filter(lambda values: "check" not in values))
def test_a_line_comes_back_and_every_flipped_bit_is_found(
    tmp_path: Path, values: dict[str, object]
) -> None:
    path = tmp_path / "log.jsonl"
    path.unlink(missing_ok=True)
    append_line(path, values)
    assert read_lines(path) == [values]
    append_line(path, {})
    content = path.read_bytes()
    for place in range(0, content.index(b"\n"), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 2]) + content[place + 1 :])
        with pytest.raises(DamagedData, match=r"log\.jsonl line 1: not "):
            read_lines(path)


def test_lines_without_a_seal_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_text('{"run": "a"}\n{"claim": true, "run": "b"}\n')
    append_line(path, {"run": "c"})
    assert [line["run"] for line in read_lines(path)] == ["a", "b", "c"]
