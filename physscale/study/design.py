"""Which runs answer a question: factorials over named axes, balanced fractions of them, and isoFLOP
grids.

The axes of a scaling study are kept apart, each a word of its own: how many *different* videos
there are (`videos`, U), how many kinds of them (`coverage`, C), and how often each is seen
(`epochs`), besides model size, resolution, encoder and seed. arXiv 2411.02385 raised the number of
templates and of videos together, so that its gain belongs to neither; here that takes two axes or
is said by the plan.

A fraction 1/f keeps the cells whose level numbers sum to 0 modulo f (Box, Hunter & Hunter 2005,
chapter 6): every level of an axis stays as often as any other if f divides the number of levels of
some other axis."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from physscale.codec.kinds import PcaSpec
from physscale.model.backbone_spec import BackboneSpec
from physscale.model.sizes import sized
from physscale.records.errors import UserError
from physscale.run.cost import cost
from physscale.run.spec import CodecRecipe, RunSpec

MOST_RUNS = 10_000
"""Of a study, unless it says another number."""

FEWEST_SIZES = 3
"""Of one isoFLOP budget: two points have no minimum between them."""


def factorial(
    base: RunSpec, *, fraction: int = 1, most_runs: int = MOST_RUNS, **axes: Sequence[Any]
) -> list[RunSpec]:
    """Every combination of the axes' values (or a balanced 1/`fraction` of them), each a change of
    `base`; the last axis varies fastest.

    `size` (a name of `SIZES` or a `BackboneSpec`), `videos`, `coverage` (pairs or templates), one
    of `epochs`, `seen` and `steps`, `resolution` (pixels), `encoder` (components or a
    `CodecRecipe`), `batch`, `learning_rate`, `muon_learning_rate`, `seed` (of the training videos,
    the first weights and the noise together). Seeds are replicates: a fraction leaves out cells,
    never the seeds of one.

    Raises:
        UserError: for an axis that there is not, without levels, more than `most_runs`, or a
            fraction that the levels cannot be balanced in.
    """
    _check_axes(axes)
    cells = math.prod(len(values) for values in axes.values())
    check_count(cells // max(1, fraction), most_runs=most_runs, what="factorial")
    levels = [len(values) for name, values in axes.items() if name != "seed"]
    if fraction != 1 and (fraction < 1 or sum(count % fraction == 0 for count in levels) < 2):
        raise UserError(
            f"fraction={fraction}: must divide the number of levels of at least two axes besides "
            "seed, to stay balanced"
        )
    runs = []
    for cell in itertools.product(*(range(len(values)) for values in axes.values())):
        numbers = dict(zip(axes, cell, strict=True))
        if sum(number for name, number in numbers.items() if name != "seed") % fraction == 0:
            runs.append(
                changed(base, **{name: axes[name][number] for name, number in numbers.items()})
            )
    return runs


def check_count(runs: int, *, most_runs: int, what: str) -> None:
    """Raises UserError for more runs than the study says that it wants."""
    if runs > most_runs:
        raise UserError(
            f"{what}: {runs:,} runs, more than {most_runs:,}; fewer levels, or most_runs={runs} in "
            "its module if that many are meant"
        )


def isoflop(
    base: RunSpec,
    *,
    flops: Sequence[float],
    size: Sequence[str | BackboneSpec],
    epochs: float = 1.0,
    seed: Sequence[int] = (0,),
    steps: tuple[int, int] = (100, 10_000_000),
) -> list[RunSpec]:
    """For each budget a row of model sizes, each trained for the steps that spend it by our FLOP
    formula, on videos seen `epochs` times.

    Cells that would take fewer or more `steps` than allowed are left out.

    Raises:
        UserError: when fewer than three sizes are left of a budget: no minimum can be bracketed.
    """
    runs = []
    for budget in flops:
        cells = []
        for model in size:
            one = changed(base, size=model, steps=1)
            count = round(budget / cost(one).flops)
            if steps[0] <= count <= steps[1]:
                videos = max(1, round(count * base.train.batch / epochs))
                cells += [changed(one, videos=videos, steps=count, seed=number) for number in seed]
        if len(cells) < FEWEST_SIZES * len(seed):
            raise UserError(
                f"isoflop {budget:g} FLOPs: {len(cells) // len(seed)} of {len(size)} sizes take "
                f"{steps[0]} to {steps[1]} steps, "
                f"{FEWEST_SIZES} are needed to bracket a minimum; add sizes or change the budget"
            )
        runs += cells
    return runs


def changed(base: RunSpec, **values: Any) -> RunSpec:  # noqa: ANN401 - each axis has a type of its own
    """The run with other values of some axes; steps that follow from epochs or videos seen are
    counted last."""
    run = base
    for name in sorted(values, key=list(_AXES).index):
        run = _AXES[name](run, values[name])
    return run


def _check_axes(axes: Mapping[str, Sequence[Any]]) -> None:
    for name, values in axes.items():
        if name not in _AXES:
            raise UserError(f"axis {name!r}: there are {', '.join(_AXES)}")
        if not len(values):
            raise UserError(f"axis {name}: has no levels")
    lengths = [name for name in ("steps", "seen", "epochs") if name in axes]
    if len(lengths) > 1:
        raise UserError(
            f"axes {' and '.join(lengths)}: each decides how long a run trains; give one"
        )


def _size(run: RunSpec, value: str | BackboneSpec) -> RunSpec:
    return replace(run, model=sized(value))


def _coverage(run: RunSpec, value: tuple[Any, ...]) -> RunSpec:
    return replace(run, data=replace(run.data, scenario=run.data.scenario.covering(tuple(value))))


def _encoder(run: RunSpec, value: int | CodecRecipe) -> RunSpec:
    """Another recipe, or so many PCA components on the run's own corpus."""
    match value:
        case CodecRecipe():
            return replace(run, codec=value)
        case int():
            pca = CodecRecipe(spec=PcaSpec(value), corpus=run.codec.corpus)
            return replace(run, codec=pca)
        case _:
            raise UserError(
                f"axis encoder: {str(value)[:80]} is neither a number of PCA components nor a "
                "CodecRecipe"
            )


def _seed(run: RunSpec, value: int) -> RunSpec:
    """Both seeds of a run: that of the training videos, and that of the first weights and the
    noise. Test splits and the codec's corpus keep theirs."""
    return replace(run, seed=value, data=replace(run.data, seed=value))


def _seen(run: RunSpec, value: float) -> RunSpec:
    return _trained(run, steps=max(1, math.ceil(value / run.train.batch)))


def _trained(run: RunSpec, **values: Any) -> RunSpec:  # noqa: ANN401
    return replace(run, train=replace(run.train, **values))


_AXES: dict[str, Callable[[RunSpec, Any], RunSpec]] = {
    "size": _size,
    "videos": lambda run, value: replace(run, data=replace(run.data, videos=value)),
    "coverage": _coverage,
    "resolution": lambda run, value: replace(run, canvas=replace(run.canvas, size_px=value)),
    "encoder": _encoder,
    "batch": lambda run, value: _trained(run, batch=value),
    "learning_rate": lambda run, value: _trained(run, learning_rate=value),
    "muon_learning_rate": lambda run, value: _trained(run, muon_learning_rate=value),
    "seed": _seed,
    "steps": lambda run, value: _trained(run, steps=value),
    "seen": _seen,
    "epochs": lambda run, value: _seen(run, value * run.data.videos),
}
