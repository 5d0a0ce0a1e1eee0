"""Learning rates and batch that were tuned per model size, in a small file, and the rule that
carries them to other sizes.

Fixed rates bend the exponents of a law, since every size is then trained as well as its distance
from the tuned one allows. `physscale tune` finds the best of a few sizes; between and beyond them

    log rate = a + b log width                 least squares over tuned widths
    b = -1 (AdamW), 0 (Muon)                   with one tuned width

The exponent of AdamW is that of arXiv 2203.03466; Muon's update already has a size that does not
depend on the gradient's. The batch is that of the nearest tuned size. Compute is kept: a run of
twice the batch takes half the steps."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from physscale.records.errors import UserError
from physscale.records.given_file import read_given
from physscale.records.json_value import parsed
from physscale.records.store import write_atomic
from physscale.run.spec import RunSpec
from physscale.study.spec import Study


@dataclass(frozen=True, kw_only=True)
class TunedSize:
    """What was found for one width.

    Attributes:
        loss, recipe_loss: held-out loss at the best values, and at those of the study's own recipe,
            on the same videos.
        run: fingerprint of the run that was tuned.
        at_edge: which of the values lie at the edge of what was searched: the best may lie beyond.
    """

    width: int
    learning_rate: float
    muon_learning_rate: float
    batch: int
    loss: float
    recipe_loss: float
    trials: int
    at_edge: tuple[str, ...] = ()
    run: str = ""


@dataclass(frozen=True)
class Tuned:
    """Tuned sizes of one study, by ascending width."""

    study: str
    sizes: tuple[TunedSize, ...]


def write_tuned(path: Path, tuned: Tuned) -> None:
    """The file that `--tuned` takes."""
    write_atomic(path, (json.dumps(asdict(tuned), indent=1) + "\n").encode())


def read_tuned(path: Path) -> Tuned:
    """What `physscale tune` wrote.

    Raises:
        UserError: for a file that is not that.
    """
    try:
        content = parsed(read_given(path, what="--tuned"))
        study = str(content["study"])
        sizes = tuple(
            TunedSize(**{**entry, "at_edge": tuple(entry["at_edge"])}) for entry in content["sizes"]
        )
        good = all(
            type(size.width) is type(size.batch) is int
            and size.width > 0
            and size.learning_rate > 0
            and size.muon_learning_rate > 0
            and size.batch >= 1
            for size in sizes
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"--tuned {path}: not what `physscale tune --out FILE` writes ({type(error).__name__})"
        ) from error
    if not (sizes and good):
        raise UserError(
            f"--tuned {path}: widths, rates and batches must be positive, of at least one size"
        )
    return Tuned(study=study, sizes=tuple(sorted(sizes, key=lambda size: size.width)))


def take_tuned(study: Study, *, tuned: Tuned) -> Study:
    """The study with every run at the rates and batch of its width; they are other runs then, by
    fingerprint.

    Raises:
        UserError: for the rates of another study.
    """
    if tuned.study != study.name:
        raise UserError(
            f"--tuned: the file holds the rates of study {tuned.study[:40]!r}, not of "
            f"{study.name!r}; `physscale tune {study.name}` finds these"
        )
    return replace(
        study,
        groups={
            name: [at_its_best(run, tuned=tuned) for run in runs]
            for name, runs in study.groups.items()
        },
    )


def at_its_best(run: RunSpec, *, tuned: Tuned) -> RunSpec:
    """The run at the rates and batch of its width; steps follow the batch, so that it sees as many
    videos as before."""
    width = run.model.width
    batch = min(tuned.sizes, key=lambda size: abs(math.log(size.width / width))).batch
    steps = max(1, round(run.train.steps * run.train.batch / batch))
    return replace(
        run,
        train=replace(
            run.train,
            batch=batch,
            steps=steps,
            learning_rate=_carried(
                tuned.sizes, of=lambda size: size.learning_rate, width=width, slope=-1.0
            ),
            muon_learning_rate=_carried(
                tuned.sizes, of=lambda size: size.muon_learning_rate, width=width, slope=0.0
            ),
        ),
    )


def _carried(
    sizes: Sequence[TunedSize], *, of: Callable[[TunedSize], float], width: int, slope: float
) -> float:
    """The rate at this width: what was found there, else the line through what was found; `slope`
    where one width cannot tell it."""
    exact = [of(size) for size in sizes if size.width == width]
    if exact:
        return exact[0]
    logs, rates = np.log([size.width for size in sizes]), np.log([of(size) for size in sizes])
    if len(sizes) > 1:
        slope = float(np.polynomial.polynomial.polyfit(logs, rates, 1)[1])
    # four digits: more would be noise, and a fingerprint should survive another rounding of the
    # logarithm
    return float(f"{math.exp(rates.mean() + slope * (math.log(width) - logs.mean())):.4g}")
