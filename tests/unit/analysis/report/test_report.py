"""The report of a planted study: complete, harmless, and without claims that the data do not
carry."""

import html
import html.parser
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analysis.commands.app import main
from analysis.data.study import read_study
from analysis.report.findings import between_directions, error_ratio, find_out


@pytest.fixture(scope="module")
def written(results: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "index.html"
    assert main(["report", str(results), "--out", str(out)]) == 0
    return out.read_text()


class Links(html.parser.HTMLParser):
    """Every address in the page, and whether tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [
            value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}
        ]
        if tag not in {"meta", "link", "img", "source"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_loads_nothing_from_elsewhere(written: str) -> None:
    links = Links()
    links.feed(written)
    assert not links.open
    assert len(links.addresses) > 20
    assert all(address.startswith(("data:", "#")) for address in links.addresses)
    policy = html.unescape(
        re.search(r'Content-Security-Policy" content="([^"]*)"', written).group(1)
    )  # type: ignore[union-attr]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_every_planted_section_is_there(written: str) -> None:
    for key in (
        "size",
        "data",
        "coverage",
        "baselines",
        "gap",
        "flip",
        "laws",
        "workers",
        "verdicts",
        "runs",
        "cost",
        "environment",
        "reading",
    ):
        assert f'<section id="{key}">' in written
    assert written.count("data:video/mp4") >= 6


def keep(results: Path, root: Path, groups: set[str]) -> None:
    """A copy of the study with the scores of some groups only."""
    shutil.copytree(results, root)
    table = pq.read_table(root / "scores.parquet")
    pq.write_table(
        table.filter([group in groups for group in table["group"].to_pylist()]),
        root / "scores.parquet",
    )


def test_hostile_names_are_text(results: Path, tmp_path: Path) -> None:
    root = tmp_path / "hostile"
    keep(results, root, {"size", "gap"})
    evil = '<script>alert("x")</script>"><img src=x onerror=alert(1)> $\\frac$ =1+1'
    table = pq.read_table(root / "scores.parquet")
    names = [evil if name in {"radius", "gap"} else name for name in table["split"].to_pylist()]
    import pyarrow as pa

    pq.write_table(
        table.set_column(table.schema.get_field_index("split"), "split", pa.array(names)),
        root / "scores.parquet",
    )
    described = json.loads((root / "study.json").read_text()) | {"name": evil, "question": evil}
    (root / "study.json").write_text(json.dumps(described))
    out = tmp_path / "page.html"
    assert main(["report", str(root), "--out", str(out)]) == 0
    page = out.read_text()
    assert page.count("<script>") == 1
    assert "<img src=x" not in page


def test_groups_that_are_absent_leave_their_sections_out(results: Path, tmp_path: Path) -> None:
    root = tmp_path / "part"
    keep(results, root, {"data"})
    out = tmp_path / "page.html"
    assert main(["report", str(root), "--out", str(out)]) == 0
    page = out.read_text()
    for key in ("gap", "flip", "laws", "workers", "coverage", "size"):
        assert f'<section id="{key}">' not in page


def test_two_runs_make_a_page_without_a_claim(results: Path, tmp_path: Path) -> None:
    root = tmp_path / "two"
    shutil.copytree(results, root)
    table = pq.read_table(root / "scores.parquet")
    first = dict.fromkeys(table["run"].to_pylist())
    kept = list(first)[:2]
    pq.write_table(
        table.filter([run in kept for run in table["run"].to_pylist()]), root / "scores.parquet"
    )
    out = tmp_path / "page.html"
    assert main(["report", str(root), "--out", str(out)]) == 0
    assert "no trend can be tested" in out.read_text()


def test_figures_are_written_with_their_numbers(results: Path, tmp_path: Path) -> None:
    keep(results, tmp_path / "some", {"composition", "flip", "workers"})
    assert main(["figures", str(tmp_path / "some"), "--out", str(tmp_path)]) == 0
    for name in ("planted", "coverage", "flip", "workers"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (tmp_path / f"{name}.csv").read_text().count("\n") > 3


def test_planted_laws_are_found_and_led_by_the_right_ladders(results: Path) -> None:
    findings = find_out(read_study(results))
    assert [
        (ladder.kind, ladder.split, ladder.axis, ladder.metric.name) for ladder in findings.leading
    ] == [
        ("id", "id", "D", "velocity_error"),
        ("ood", "speed_high", "D", "velocity_error"),
        ("combinatorial", "pairs_held", "C", "loss"),
    ]
    assert findings.leading[0].verdict.word == "scales"
    held = findings.leading[2]
    assert held.verdict.word == "scales"
    profile = held.fit.profiles["alpha"]
    assert profile.low is not None
    assert profile.high is not None
    assert profile.low < 0.92 < profile.high


def test_the_ratio_of_errors_holds_the_planted_noise(results: Path) -> None:
    findings = find_out(read_study(results))
    ratio = error_ratio(findings, over=findings.leading[1], under=findings.leading[0])
    assert ratio is not None
    assert ratio.low < ratio.value < ratio.high
    assert ratio.low < 1 < ratio.high, "outcomes of both splits are planted with equal errors"


def test_slow_balls_between_two_trained_directions_are_interpolation(results: Path) -> None:
    study = read_study(results)
    run = study.in_group("data")[0]
    assert between_directions(run, split="speed_low")
    assert not between_directions(run, split="speed_high")
    one_way = study.in_group("noflip")[0]
    assert not between_directions(one_way, split="slow")


def test_runs_on_two_workers_are_no_seeds_of_a_ladder(results: Path) -> None:
    study = read_study(results)
    extra = {run.fingerprint for run in study.runs.values() if run.workers == 2}
    assert extra
    assert all(not extra & set(ladder.runs) for ladder in find_out(study).ladders)


@pytest.mark.parametrize("command", [["report"], ["figures", "--out", "x"]])
def test_a_missing_or_foreign_folder_is_one_line(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (tmp_path / "absent", tmp_path):
        assert main([command[0], str(folder), *command[1:]]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert str(folder) in error


def test_a_damaged_table_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "scores.parquet").write_bytes(b"PAR1 not really")
    assert main(["report", str(tmp_path)]) == 5
    assert "scores.parquet" in capsys.readouterr().err
