"""Whatever is wrong with a table or an option: an answer, or one line and exit code 2 or 5."""

import json
from pathlib import Path

import pytest

from analysis.commands.app import main
from tests.bad_inputs import bad_input

CHUNK = 20
QUICK, ALL = 200, 2000


def check(seed: int, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = bad_input(seed, folder=folder)
    Path(case.arguments[1]).write_bytes(case.content)
    code = main(list(case.arguments))
    out, err = capsys.readouterr()
    said = f"seed {seed}: {' '.join(case.arguments)[:400]}\n{err[:400]}"
    assert code in (0, 2, 5), said
    assert "\x1b" not in out + err, said
    if code:
        assert err.startswith("physscale: "), said
        assert err.count("\n") == 1, said
        assert len(err) < 1000, said
    elif "--json" in case.arguments:
        json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} in JSON; {said}"))


@pytest.mark.parametrize("first", range(0, QUICK, CHUNK))
def test_a_bad_input_is_answered_or_refused_in_one_line(
    first: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(first, first + CHUNK):
        check(seed, tmp_path, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(QUICK, ALL, 10 * CHUNK))
def test_two_thousand_bad_inputs_are_answered_or_refused_in_one_line(
    first: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(first, first + 10 * CHUNK):
        check(seed, tmp_path, capsys)
