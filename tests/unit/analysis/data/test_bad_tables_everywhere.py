"""The same bad tables through every command on tables: exit 2 and one line, or an answer that says
what is wrong."""

from pathlib import Path

import pytest

from analysis.commands.app import main

COMMANDS = {
    "fit": ["--law", "power", "--bootstrap", "50", "--no-holdout", "--no-profile"],
    "isotonic": ["--law", "isotonic", "--bootstrap", "50"],
    "verdict": [],
    "compare": ["--laws", "flat,power-zero", "--worlds", "20"],
}
EVIL = [
    "=cmd|'/c calc'!A0",
    "<img src=x onerror=alert(1)>",
    "a\x1b[2J",
    "y" * 5000,
    "\u202eflip",
    "-1+1",
]


def run(command: str, path: Path, *more: str) -> int:
    return main(
        [
            "fit" if command == "isotonic" else command,
            str(path),
            "--response",
            "loss",
            "--axes",
            "x",
            *COMMANDS[command],
            *more,
        ]
    )


def csv(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


REFUSED = {
    "empty": [],
    "header only": ["x,loss"],
    "another schema": ["size,error", "1,2", "2,1"],
    "text": ["x,loss", "1,low", "2,high"],
    "ragged": ["x,loss", "1,2", "2,1,7"],
    "all zero": ["x,loss", *(f"{10**k},0" for k in range(5))],
    "all negative": ["x,loss", *(f"{10**k},-1" for k in range(5))],
    "no number": ["x,loss", *(f"{10**k},nan" for k in range(5))],
    "column twice": ["x,loss,loss", "1,2,2", "10,1,1", "100,0.5,0.5"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_table_without_runs_is_refused_in_one_line(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, csv(tmp_path / "bad.csv", REFUSED[name])) in (2, 5)
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("rows", [1, 2])
def test_one_and_two_points_never_end_in_a_traceback(
    rows: int, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = csv(tmp_path / "few.csv", ["x,loss", *(f"{10**k},{1 / (k + 1)}" for k in range(rows))])
    code = run(command, path)
    seen = capsys.readouterr()
    refused = code == 2 and seen.err.count("\n") == 1
    flagged = code == 0 and (
        "undetermined" in seen.out or "warning: as many parameters" in seen.out
    )
    assert refused or flagged, seen.out


@pytest.mark.parametrize("command", COMMANDS)
def test_equal_values_and_doubled_rows_are_answered(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    equal = csv(
        tmp_path / "equal.csv",
        ["x,loss", *(f"{10**k},1" for k in range(5)), *(f"{10**k},1" for k in range(5))],
    )
    assert run(command, equal) in (0, 2)
    assert "scales" not in capsys.readouterr().out
    falling = [f"{10**k},{3.0 * 10 ** (-0.2 * k) * (1 + 0.02 * (-1) ** k)}" for k in range(6)]
    assert run(command, csv(tmp_path / "doubled.csv", ["x,loss", *falling, *falling])) == 0
    assert capsys.readouterr().out


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "compare"])
def test_hostile_names_of_splits_stay_short_text(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f'{10**k},{2.0**-k * (1 + 0.03 * (-1) ** k)},"{name}"' for name in EVIL for k in range(6)
    ]
    assert (
        run(command, csv(tmp_path / "evil.csv", ["x,loss,split", *rows]), "--split", "split") == 0
    )
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert max(len(line) for line in out.splitlines()) < 500
