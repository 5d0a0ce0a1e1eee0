"""Every file of `experiments/`: values only, few lines, a question, an expectation and a cost; and
what it resolves to, kept as golden."""

import ast
import json
from pathlib import Path

import pytest

from physscale.run.cost import cost
from physscale.study.plan import label
from physscale.study.spec import load_study, study_names
from tests.paths import ROOT

GOLDEN = Path(__file__).parent / "experiments"
LINES_AT_MOST = 90


@pytest.mark.parametrize("name", study_names())
class EveryExperiment:
    def test_fits_one_look_and_says_what_it_asks(self, name: str) -> None:
        text = (ROOT / "experiments" / f"{name}.py").read_text()
        docstring = ast.get_docstring(ast.parse(text)) or ""
        assert len(text.splitlines()) <= LINES_AT_MOST
        assert "?" in docstring
        assert "Expectation" in docstring
        assert "Cost:" in docstring

    def test_resolves_to_the_runs_of_its_golden_file(self, name: str) -> None:
        """A changed default shows here as a changed line: renew with `python -m
        tests.golden.test_experiments`, and say why."""
        assert resolved(name) == (GOLDEN / f"{name}.txt").read_text()

    def test_is_listed(self, name: str) -> None:
        assert f"`{name}`" in (ROOT / "experiments" / "README.md").read_text()

    def test_no_test_split_shares_a_row_with_training(self, name: str) -> None:
        for run in load_study(name).runs.values():
            assert all(split.data.draw != run.data.draw for split in run.test_splits)


def resolved(name: str) -> str:
    """One line per run."""
    lines = []
    for full, run in load_study(name).runs.items():
        price = cost(run)
        splits = json.dumps([split.data.split for split in run.test_splits])
        lines.append(
            f"{full[:12]}  {label(run)}  N={price.parameters}  steps={run.train.steps}  "
            f"FLOPs={price.flops:.4g}  judges={splits}\n"
        )
    return "".join(lines)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for study_name in study_names():
        (GOLDEN / f"{study_name}.txt").write_text(resolved(study_name))
