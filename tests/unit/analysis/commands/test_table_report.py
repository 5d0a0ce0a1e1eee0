"""The page of anyone's table: complete, harmless, honest about what it left out."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from analysis.commands.app import main
from analysis.report.print_page import BROWSERS


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    lines = ["size,amount,split,error"]
    for n in np.geomspace(1e4, 1e7, 4):
        for d in np.geomspace(1e2, 1e5, 4):
            error = (0.1 + 9 * n**-0.4 + 5 * d**-0.5) * np.exp(0.02 * rng.standard_normal())
            lines.append(f"{n},{d},<script>alert(1)</script>,{error}")
            lines.append(f"{n},{d},flat $x$,{0.4 * np.exp(0.01 * rng.standard_normal())}")
    lines.append("1e5,1e3,flat $x$,")
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(lines))
    return path


def test_a_table_becomes_one_page(table: Path) -> None:
    assert (
        main(
            [
                "report",
                str(table),
                "--response",
                "error",
                "--axes",
                "N=size,D=amount",
                "--split",
                "split",
                "--bootstrap",
                "200",
            ]
        )
        == 0
    )
    page = table.with_suffix(".report.html").read_text()
    assert "<script>alert" not in page
    assert page.count('class="verdict"') == 4
    assert ">scales<" in page
    assert ">flat<" in page
    assert "1 rows with response error without a finite number were left out" in page
    assert "95 % profile" in page
    assert "mean error at the largest" in page.lower()
    for caption in (
        "Verdicts",
        "Parameters",
        "Compute-optimal frontier",
        "Predictions of held-out levels",
        "Sensitivity to the loss",
    ):
        assert f"<caption>{caption}" in page
    assert page.index('class="verdict"') < page.index("<figure>") < page.index("<caption>")
    assert page.count(' alt="') == page.count("<img ") > 15
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert len(page) < 6_000_000


@pytest.mark.parametrize("missing", ["response", "axes"])
def test_a_table_without_columns_is_refused(
    table: Path, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"response": "error", "axes": "N=size,D=amount"}
    arguments = [
        word for name, value in given.items() if name != missing for word in (f"--{name}", value)
    ]
    assert main(["report", str(table), *arguments]) == 2
    assert f"--{missing}" in capsys.readouterr().err


def test_the_page_prints(table: Path) -> None:
    if not any(shutil.which(name) for name in BROWSERS):
        pytest.skip("no Chromium or Chrome on this machine")
    few = [
        "--response",
        "error",
        "--axes",
        "size",
        "--law",
        "power",
        "--split",
        "split",
        "--bootstrap",
        "200",
    ]
    assert main(["report", str(table), *few, "--pdf"]) == 0
    printed = table.with_suffix(".report.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert (
        printed.count(b"/Type /Page\n")
        + printed.count(b"/Type /Page ")
        + printed.count(b"/Type /Page/")
        > 3
    )
    assert b"/Type3" not in printed


def test_without_a_browser_it_says_what_to_install(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["report", str(table), "--response", "error", "--axes", "size", "--pdf"]) == 2
    message = capsys.readouterr().err
    assert "apt install chromium" in message
    assert len(message.strip().splitlines()) == 1
    assert not table.with_suffix(".report.html").exists()


def test_a_warning_of_all_splits_is_said_once_and_a_decided_verdict_needs_no_seeds(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    lines = ["videos,split,state,error"]
    lines += [
        f"{x},{split},{'crashed' if x == 8 else 'finished'},{x**-0.4 * (1 + 0.02 * rng.normal())}"
        for split in ("one", "other")
        for x in (1, 2, 4, 8, 16, 32)
        for _ in range(2)
    ]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(lines))
    words = ["report", str(path), "--response", "error", "--axes", "videos", "--split", "split"]
    assert main([*words, "--law", "power", "--bootstrap", "100"]) == 0
    page = path.with_suffix(".report.html").read_text()
    assert page.count("runs may not have finished (state: 4 crashed)") == 1
    assert "one: runs may not" not in page
    (table,) = re.findall(r"<table[^>]*>(?:(?!</table>).)*seeds to decide.*?</table>", page, re.S)
    ends = [re.sub("<[^>]+>", "", row).strip()[-1] for row in table.split("</tr>")[1:3]]
    assert ends == ["–", "–"]
