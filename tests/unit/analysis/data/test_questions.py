"""Each doubt about a table is said in one sentence, which is gone where there is nothing to doubt,
or where the option that it names is given."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from analysis.commands.app import main
from analysis.data.table import Reading, Runs, read_runs

AS_IS = Reading()


@dataclass(frozen=True)
class Row:
    n: float
    d: float
    seed: int
    loss: float
    state: str = "finished"

    @property
    def line(self) -> str:
        return f"{self.n},{self.d},{self.seed},{self.loss},{self.state}"


def rows(seeds: int = 3) -> list[Row]:
    rng = np.random.Generator(np.random.Philox(key=1))
    return [
        Row(n, d, seed, (2 + 400 * n**-0.34 + 400 * d**-0.28) * np.exp(0.004 * rng.normal()))
        for n in (1e6, 3e6, 1e7, 3e7)
        for d in (1e8, 3e8, 1e9, 3e9)
        for seed in range(seeds)
    ]


def changed(number: int, **fields: object) -> Callable[[list[Row]], list[Row]]:
    return lambda found: [
        replace(row, **fields) if place == number else row for place, row in enumerate(found)
    ]


def twice(found: list[Row]) -> list[Row]:
    return [*found, *found]


def logged(found: list[Row]) -> list[Row]:
    return [replace(row, n=float(np.log10(row.n))) for row in found]


def in_millions(found: list[Row]) -> list[Row]:
    return [replace(row, n=row.n / 1e6 if row.seed == 0 else row.n) for row in found]


DOUBTS: dict[str, Callable[[list[Row]], list[Row]]] = {
    "48 rows repeat another one in every named column; --once counts equal rows once": twice,
    "one seed has several results (N 1e+06, D 1e+08, seed 0; so in 1 of 47)": changed(1, seed=0),
    "runs may not have finished (state: 1 crashed); --where \"state == 'finished'\"": changed(
        5, state="crashed"
    ),
    "N looks like a logarithm (6 to 7.47712); --log10 N": logged,
    "N has no value between 30 and 1e+06; are these two units?": in_millions,
    "1 run lies far from the other seeds of the configuration (": changed(7, loss=9.0),
}


def written(folder: Path, found: list[Row]) -> Path:
    path = folder / "runs.csv"
    path.write_text("\n".join(["N,D,seed,loss,state", *(row.line for row in found)]))
    return path


def read(path: Path, *, reading: Reading = AS_IS, where: str | None = None) -> Runs:
    return read_runs(
        path,
        response="loss",
        axes={"N": "N", "D": "D"},
        seed="seed",
        reading=reading,
        where=where,
    )


@pytest.mark.parametrize("sentence", DOUBTS)
def test_a_doubt_is_said_once_and_a_sound_table_has_none(sentence: str, tmp_path: Path) -> None:
    assert read(written(tmp_path, rows())).notes == ()
    (note,) = read(written(tmp_path, DOUBTS[sentence](rows()))).notes
    assert sentence in note


def test_one_of_two_seeds_that_diverged_is_named(tmp_path: Path) -> None:
    (note,) = read(written(tmp_path, changed(5, loss=9.0)(rows(seeds=2)))).notes
    assert "far from the other seeds" in note
    assert "times theirs at N 1e+06, D 1e+09, seed 1" in note


@pytest.mark.parametrize(("seeds", "every"), [(3, 1), (2, 4)])
def test_runs_that_diverged_are_left_out_if_asked(seeds: int, every: int, tmp_path: Path) -> None:
    """One seed in every configuration, which no robust loss could outvote; or one of two in some,
    of which the higher one diverged."""
    sound = rows(seeds=seeds)
    diverged = [
        replace(row, loss=3 * row.loss) if place % (seeds * every) == 1 else row
        for place, row in enumerate(sound)
    ]
    found = read(written(tmp_path, diverged), reading=Reading(outliers="left out"))
    assert found.notes == (f"{16 // every} runs far from the other seeds were left out",)
    assert set(found.response) <= {row.loss for row in sound}
    untouched = read(written(tmp_path, sound), reading=Reading(outliers="left out"))
    assert np.array_equal(untouched.response, read(written(tmp_path, sound)).response)
    assert untouched.notes == ("0 runs far from the other seeds were left out",)


def test_a_trend_that_diverged_runs_hide_is_found_without_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    lines = [
        f"{n},{seed},{n**-0.3 * np.exp(0.02 * rng.normal()) if seed else rng.uniform(2, 900)}"
        for n in (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
        for seed in range(3)
    ]
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(["videos,seed,loss", *lines]))
    words = ["verdict", str(path), "--response", "loss", "--axes", "videos"]
    words += ["--seed-column", "seed", "--json"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert '"undetermined"' in told
    assert "--drop-outliers leaves them out" in told
    assert main([*words, "--drop-outliers"]) == 0
    assert '"scales"' in capsys.readouterr().out


def test_equal_rows_count_once_if_asked(tmp_path: Path) -> None:
    sound = read(written(tmp_path, rows()))
    doubled = read(written(tmp_path, [*rows(), *rows()]), reading=Reading(equal_rows="once"))
    assert doubled.notes == ("48 rows that repeat another one were left out",)
    assert np.array_equal(doubled.response, sound.response)


def test_logarithms_are_read_as_such_if_asked(tmp_path: Path) -> None:
    sound = read(written(tmp_path, rows()))
    found = read(written(tmp_path, logged(rows())), reading=Reading(log10=("N",)))
    assert found.notes == ()
    np.testing.assert_allclose(found.axes["N"], sound.axes["N"])


def test_rows_that_where_leaves_out_are_not_asked_about(tmp_path: Path) -> None:
    path = written(tmp_path, changed(5, state="crashed", loss=50.0)(rows()))
    assert len(read(path).notes) == 2
    assert read(path, where="state == 'finished'").notes == ()


def test_the_command_line_has_the_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, logged([*rows(), *rows()]))
    words = ["verdict", str(path), "--response", "loss", "--axes", "N,D", "--seed-column", "seed"]
    assert main(words) == 0
    assert capsys.readouterr().out.count("warning") == 2
    assert main([*words, "--once", "--log10", "N"]) == 0
    (warning,) = (line for line in capsys.readouterr().out.splitlines() if "warning" in line)
    assert "48 rows that repeat another one were left out" in warning
    assert main([*words, "--once", "--log10", "N", "--json"]) == 0
    (note,) = json.loads(capsys.readouterr().out)["warnings"]
    assert warning == f"warning: {note}"
    assert main([*words, "--log10", "seed"]) == 2
    assert "--log10 seed: name columns of --axes" in capsys.readouterr().err
