"""The table of metrics: what it refuses, and a study's own `metrics.json`, whole and damaged."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from physscale.records.errors import DamagedData, UserError
from physscale.records.json_file import read_json, write_json
from physscale.records.metric_table import (
    BUILT_IN,
    Metric,
    metric_named,
    read_metric_table,
    shown_in,
    write_metric_table,
)
from tests.paths import ROOT

OWN = Metric(name="path_length_error", words="path length error", unit="m", shown=("report",))


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"name": ""}, "metric ''"),
        ({"name": "Velocity"}, "metric 'Velocity'"),
        ({"name": "2nd_error"}, "metric '2nd_error'"),
        ({"name": "velocity error"}, "metric 'velocity error'"),
        ({"name": "id/loss"}, "metric 'id/loss'"),
        ({"name": "x" * 65}, "use 1 to 64 of a-z 0-9 _"),
        ({"words": " "}, "words=' '"),
    ],
    ids=str,
)
def test_what_is_no_metric_is_refused_in_one_line(change: dict[str, Any], hint: str) -> None:
    fields: dict[str, Any] = {"name": "drift", "words": "drift"}
    Metric(**fields)
    with pytest.raises(UserError) as refused:
        Metric(**(fields | change))
    assert hint in str(refused.value)
    assert str(refused.value).startswith("metric ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("direction='down'", "'down'; allowed are lower, higher, none"),
        ("shown=('poster',)", "'poster'; allowed are command line, dashboard, report"),
    ],
)
def test_a_value_outside_its_set_is_refused(field: str, hint: str) -> None:
    """In a process of its own: here the suite's type checks refuse it first."""
    code = (
        "from physscale.records.metric_table import Metric; "
        f"Metric(name='drift', words='drift', {field})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert f"UserError: metric drift: {hint}" in done.stderr


def test_names_and_words_are_unique() -> None:
    for names in ([metric.name for metric in BUILT_IN], [metric.label for metric in BUILT_IN]):
        assert len(set(names)) == len(names)


def test_a_study_declares_the_metrics_of_plug_ins_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_metric_table(path, metrics=BUILT_IN)
    assert not path.exists(), "the package's own need no declaration"
    write_metric_table(path, metrics=[*BUILT_IN, OWN])
    other = Metric(name="spin_error", words="spin error", direction="higher", share=True)
    write_metric_table(path, metrics=[other])
    table = read_metric_table(path)
    assert list(table.values()) == [*BUILT_IN, OWN, other]
    assert OWN in shown_in("report", table=table)
    assert OWN not in shown_in("dashboard", table=table)


def test_a_declaration_cannot_change_a_metric_of_the_package(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_metric_table(path, metrics=[OWN])
    renamed = read_json(path)
    renamed["metrics"][0]["name"] = "velocity_error"
    write_json(path, renamed)
    assert list(read_metric_table(path).values()) == list(BUILT_IN)


def test_nothing_is_claimed_of_an_unknown_metric() -> None:
    unknown = metric_named("somebodys_error", table={})
    assert (unknown.label, unknown.direction) == ("somebodys_error", "none")
    assert not unknown.may_scale


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"metrics": 7}',
        b'{"metrics": [7]}',
        b'{"metrics": [{"words": "typeless"}]}',
        b'{"metrics": [{"type": "Metric", "words": "nameless"}]}',
        b'{"metrics": [{"type": "Metric", "name": "drift", "words": 7}]}',
    ],
    ids=repr,
)
def test_a_damaged_table_is_named_in_one_line(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_bytes(damage)
    with pytest.raises(DamagedData) as refused:
        read_metric_table(path)
    assert str(refused.value).startswith(f"{path}: no")
    assert "\n" not in str(refused.value)


def test_a_table_of_another_version_says_so(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_metric_table(path, metrics=[OWN])
    found = read_json(path)
    found["metrics"][0]["title"] = found["metrics"][0].pop("words")
    write_json(path, found)
    with pytest.raises(UserError, match=r"no field 'title'.*another version"):
        read_metric_table(path)
