"""Published answers beside ours, on tables that the user has."""

from pathlib import Path

import numpy as np
import pytest

from analysis.commands.app import main
from analysis.commands.selftest_public import PORIAN, PUBLIC

NAME = next(iter(PORIAN))


def planted(folder: Path, *, exponent: float) -> None:
    """Valleys of log loss over log N, whose lowest places follow C^exponent."""
    rng = np.random.default_rng(0)
    lines = ["table,N,D,C,loss"]
    for c in np.geomspace(1e17, 1e20, 8):
        best = 1e7 * (c / 1e17) ** exponent
        for n in np.geomspace(best / 4, best * 4, 9):
            valley = 0.03 * np.log(n / best) ** 2 + 0.001 * rng.normal()
            lines.append(f"{NAME},{n},{c / 6 / n},{c},{3 * (c / 1e17) ** -0.05 * np.exp(valley)}")
    (folder / "porian_2024.csv").write_text("\n".join(lines))


def told(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = main(["selftest", "--public", str(folder)])
    return code, capsys.readouterr().out.splitlines()


def test_an_answer_like_the_published_one_lies_inside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(tmp_path, exponent=PORIAN[NAME])
    code, (_, _, row) = told(tmp_path, capsys)
    assert code == 0
    assert row.startswith(f"| porian_2024.csv | {NAME}, the isoFLOP minima | 0.835 | 0.8")
    assert row.endswith("| yes |")


def test_another_answer_lies_outside_and_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(tmp_path, exponent=0.5)
    code, (_, _, row) = told(tmp_path, capsys)
    assert code == 1
    assert row.endswith("| **no** |")


def test_a_folder_without_tables_and_a_table_without_a_column_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["selftest", "--public", str(tmp_path)]) == 2
    assert "porian_2024.csv" in capsys.readouterr().err
    (tmp_path / "olmo_ladder_step1.csv").write_text("size,N,D,loss_c4\n13B,1,2,3\n")
    assert main(["selftest", "--public", str(tmp_path)]) == 2
    assert "no column 'mode'" in capsys.readouterr().err


def test_every_table_is_documented() -> None:
    words = (Path(__file__).parents[4] / "docs/how-to/public-tables.md").read_text()
    assert all(f"`{name}`" in words for name in PUBLIC)
