"""A results folder of the real format with planted laws: what the report and its tests are
developed against.

Generated speeds follow the pilot: in the gap they snap to the nearest trained speed, and the flip
reverses. `python -m tests.synthetic_study FOLDER` writes one."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from physscale.records.scores import OUTCOMES, SCORES
from tests.synthetic_runs import Planted, planted_runs

DEMONSTRATIONS = {"gap": "gap", "flip": "flip", "noflip": "flip", "workers": "workers"}


def score_rows(run: Planted, *, study: str) -> list[dict[str, object]]:
    """The rows of SCORES of one run, with floors and baselines."""
    kinds = {split: kind for split, kind, _ in run.test_splits}
    floors = {"truth": 0.0005, "codec": 0.012}
    baselines = {
        "clamp": {"speed_high": 1.25, "speed_low": 0.5, "gap": 0.0},
        "mean_speed": {"id": 0.75, "speed_high": 2.75, "speed_low": 2.0},
    }
    rows = []
    for (split, metric), value in run.values.items():
        found = {"model": value}
        if metric == "velocity_error":
            found |= {
                source: size * (3 if split == "radius" else 1) for source, size in floors.items()
            } | {"extrapolate": 0.03}
            found |= {source: at[split] for source, at in baselines.items() if split in at}
        for source, number in found.items():
            rows.append(
                {
                    "study": study,
                    "run": run.fingerprint,
                    "group": run.group,
                    "split": split,
                    "kind": kinds[split],
                    "source": source,
                    "metric": metric,
                    "value": number,
                    "low": number * 0.9,
                    "high": number * 1.1,
                    "count": 48,
                    "parameters": run.parameters,
                    "videos": run.videos,
                    "combinations": run.combinations,
                    "steps": 1500,
                    "flops": 6.0 * run.parameters * 1500 * 32 * 16,
                    "seed": run.seed,
                }
            )
    return rows


def outcome_rows(run: Planted, rng: np.random.Generator) -> list[dict[str, object]]:
    """The rows of OUTCOMES of one run."""
    rows = []
    for split, _, (low, high) in run.test_splits:
        for index in range(128 if run.group in {"gap", "flip", "noflip"} else 24):
            true = float(rng.uniform(low, high))
            speed = generated_speed(run, true, rng)
            rows.append(
                {
                    "run": run.fingerprint,
                    "split": split,
                    "index": index,
                    "body": 0,
                    "kind": 0,
                    "radius_m": 1.0,
                    "true_speed_m_s": true,
                    "speed_m_s": None if index == 5 else speed,
                    "velocity_error_m_s": abs(speed - true),
                    "frame_velocity_error_m_s": abs(speed - true) + 0.05,
                    "position_error_m": abs(speed - true) * 0.6,
                    "radius_error_m": 0.02,
                    "vanished": 0.0,
                    "reversed": speed < 0,
                }
            )
    return rows


def generated_speed(run: Planted, true: float, rng: np.random.Generator) -> float:
    """What a model of the pilot's kind would draw."""
    if run.group == "gap" and 1.25 < true < 3.75:
        switch = 1 / (1 + np.exp(-(true - 2.5) / 0.12))
        return float((1.05 if rng.random() > switch else 3.85) + rng.normal(0, 0.1))
    if run.group in {"flip", "noflip"} and true < 2.5:
        size = max(true, 2.2) + rng.normal(0, 0.15)
        chance = 0.5 / (1 + np.exp((true - 1.4) / 0.35)) if run.group == "flip" else 0.0
        return float(-size if rng.random() < chance else size)
    return true + float(rng.normal(0, 0.05))


def write_study(root: Path, *, seed: int = 0, videos: bool = True) -> Path:
    """Writes a whole results folder and returns it."""
    rng = np.random.default_rng(seed)
    runs = list(planted_runs(rng))
    root.mkdir(parents=True, exist_ok=True)
    environment = {"python": "3.11.7", "torch": "2.14.1", "cpus": 2, "commit": "0123456789abcdef"}
    study = {
        "name": root.name,
        "question": "Does a video model learn the law, or the cases?",
        "demonstrations": DEMONSTRATIONS,
        "environment": environment,
    }
    (root / "study.json").write_text(json.dumps(study))
    scores = [row for run in runs for row in score_rows(run, study=root.name)]
    pq.write_table(pa.Table.from_pylist(scores, schema=SCORES), root / "scores.parquet")
    outcomes = [row for run in runs for row in outcome_rows(run, rng)]
    pq.write_table(pa.Table.from_pylist(outcomes, schema=OUTCOMES), root / "outcomes.parquet")
    ledger = []
    for position, run in enumerate(runs):
        ledger += _ledger(run, start=1000.0 + 16 * position)
        _write_run(root / "runs" / run.fingerprint[:12], run, rng, videos=videos)
    (root / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in ledger))
    return root


def _ledger(run: Planted, *, start: float) -> list[dict[str, object]]:
    base = {"run": run.fingerprint}
    owner = {"host": "here", "process": 1, "token": "t"}
    return [
        base | {"state": "PLANNED", "time_s": 990.0},
        base | {"state": "RUNNING", "time_s": start, "owner": owner, "claim": True},
        base | {"state": "DONE", "time_s": start + 31.5, "seconds": 31.2},
    ]


def _write_run(folder: Path, run: Planted, rng: np.random.Generator, *, videos: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    data = {"type": "DataSpec", "scenario": run.scenario, "videos": run.videos, "split": "train"}
    splits = [
        {
            "type": "Judge",
            "kind": kind,
            "data": {"split": split, "scenario": {"speed_m_s": [list(speeds)]}},
        }
        for split, kind, speeds in run.test_splits
    ]
    spec = {
        "type": "RunSpec",
        "data": data,
        "judges": splits,
        "group": run.group,
        "seed": run.seed,
        "workers": run.workers,
    }
    (folder / "run.json").write_text(json.dumps(spec))
    steps = np.arange(50, 1501, 50)
    curve = 0.02 + np.exp(-steps / 300) * (
        1 + 0.05 * np.random.default_rng(run.seed).normal(size=len(steps))
    )
    lines = [
        json.dumps({"step": int(s), "time_s": 0.02 * int(s), "loss": float(v)})
        for s, v in zip(steps, curve, strict=True)
    ]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    filmed = {"data", "composition", "gap", "flip", "collision"}
    if videos and run.seed == 0 and run.group in filmed:
        (folder / "videos").mkdir(exist_ok=True)
        for split, _, speeds in run.test_splits:
            _write_video(folder / "videos" / f"{split}.mp4", speed=float(np.mean(speeds)))


def _write_video(path: Path, *, speed: float) -> None:
    """Truth (upper half) and sample (lower half) of two balls that move apart."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = 256, 128, "yuv420p"
        y, x = np.mgrid[0:128, 0:256]
        for frame in range(16):
            image = np.full((128, 256, 3), 255, dtype=np.uint8)
            for row, factor in ((32, 1.0), (96, 0.8)):
                centre = 20 + frame * 3 * speed * factor
                image[(x - centre) ** 2 + (y - row) ** 2 < 144] = (220, 60, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    write_study(Path(sys.argv[1]))
