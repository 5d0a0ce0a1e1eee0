"""Every figure of a fit is drawn from its own table, written with its numbers, and gathered in one
PDF."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.commands.app import main


def grid(path: Path, *, splits: tuple[str, ...]) -> Path:
    """A 4 x 4 sweep with two seeds and planted exponents."""
    rng = np.random.default_rng(0)
    rows = []
    for split in splits:
        for n in np.geomspace(1e4, 1e6, 4):
            for d in np.geomspace(1e3, 1e5, 4):
                for seed in (0, 1):
                    loss = (0.05 + 3 * n**-0.35 + 20 * d**-0.5) * np.exp(rng.normal(0, 0.03))
                    rows.append(
                        {
                            "split": split,
                            "N": n,
                            "D": d,
                            "seed": seed,
                            "loss": loss,
                            "bad": 3 * int(seed == 0),
                            "trials": 10,
                        }
                    )
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.slow
def test_a_sweep_with_two_splits_has_every_kind(tmp_path: Path) -> None:
    file = grid(tmp_path / "runs.parquet", splits=("id", "<b>$\\x$</b>"))
    words = f"plot {file} --response loss --axes N,D --split split --bootstrap 200"
    words += f" --out {tmp_path / 'out'}"
    assert main(words.split()) == 0
    names = {path.stem for path in (tmp_path / "out").glob("*.png")}
    kinds = {
        "curves",
        "reducible",
        "residuals",
        "sensitivity",
        "hold_out",
        "contours",
        "profiles",
        "pairs",
    }
    assert names == {f"{place}_{kind}" for place in (0, 1) for kind in kinds} | {
        "main",
        "forest",
        "contrasts",
    }
    assert {path.stem for path in (tmp_path / "out").glob("*.pdf")} == names | {"figures"}
    assert {path.stem for path in (tmp_path / "out").glob("*.csv")} == names
    assert (tmp_path / "out" / "figures.pdf").read_bytes().startswith(b"%PDF")


def test_a_ratio_has_wilson_bars_around_its_shares(tmp_path: Path) -> None:
    table = pa.table(
        {"C": [6.0, 12.0, 30.0, 60.0], "abnormal": [0.67, 0.4, 0.18, 0.1], "videos": [100.0] * 4}
    )
    pq.write_table(table, tmp_path / "ratio.parquet")
    words = f"plot {tmp_path / 'ratio.parquet'} --law ratio-power --response abnormal --axes x=C"
    words += " --count-column videos --bootstrap 200"
    assert main([*words.split(), "--out", str(tmp_path / "out")]) == 0
    lines = (tmp_path / "out" / "ratio.csv").read_text().splitlines()
    point = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    assert float(point["low"]) == pytest.approx(0.573, abs=0.002)
    assert float(point["high"]) == pytest.approx(0.754, abs=0.002)
