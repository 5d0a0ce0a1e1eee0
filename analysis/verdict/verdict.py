"""The verdict on one split and axis: scales, saturates, flat, worsens or undetermined.

scales        the error falls (two-sided t test, p < 0.05 after Holm over the family)
saturates     it falls to a limit: a power law needs a floor (F test, p < 0.05), and less than the
              margin is left to fall
worsens       the error rises, by the same test
flat          equivalence (two one-sided t tests): the total change lies within the margin that was
              set beforehand (p < 0.05 after Holm as well, so that at most one table in twenty
              calls any split and axis flat by accident)
undetermined  none of these; `seeds_needed` says how many seeds per configuration would decide. Or
              the axis moves with another one: nobody can tell whose effect it is, `joint` says how
              the error changes along both, and `parted_by` which runs would part them. Or the trend
              turns its sign with another axis

A fall that is significant but proven smaller than the margin is called flat: it does not matter."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from analysis.data.configurations import Configurations
from analysis.verdict.limit import Limit, limit
from analysis.verdict.parting import parting_runs
from analysis.verdict.permutation import permutation
from analysis.verdict.reversal import reversal
from analysis.verdict.trend import LEVEL, Entangled, Trend, trend
from analysis.verdict.turn import Turn, turn

Word = Literal["scales", "saturates", "flat", "worsens", "undetermined"]
MARGIN = 0.10
_MOST_SEEDS = 999
_NORMAL_POWER = 0.842
"""Normal quantile of a power of 80 %."""


@dataclass(frozen=True)
class Verdict:
    """The word, and the numbers behind it. `change` is the change of log response over the whole
    range, with a 95 % interval; `joint` is that along the axes that move together. `p_change`
    is two-sided, the others are one-sided."""

    word: Word
    axis: str
    reason: str
    change: float | None = None
    low: float | None = None
    high: float | None = None
    per_decade: float | None = None
    p_falls: float | None = None
    p_rises: float | None = None
    p_change: float | None = None
    p_change_holm: float | None = None
    p_permutation: float | None = None
    p_permutation_least: float | None = None
    p_equivalent: float | None = None
    p_equivalent_holm: float | None = None
    margin: float = MARGIN
    equivalent: bool = False
    noise: str | None = None
    freedom: int | None = None
    levels: int = 0
    seeds_needed: int | None = None
    reversal: str | None = None
    moves_with: tuple[str, ...] = ()
    parted_by: tuple[dict[str, float], ...] = ()
    joint: float | None = None
    joint_low: float | None = None
    joint_high: float | None = None
    turn: Turn | None = None
    limit: Limit | None = None

    @property
    def falls(self) -> bool:
        """Whether a fall is shown, to a limit or not."""
        return self.word in {"scales", "saturates"}

    @property
    def moves(self) -> bool:
        """Whether a fall or a rise is shown."""
        return self.falls or self.word == "worsens"

    @property
    def shaped(self) -> bool:
        """Undetermined though there is a trend: it turns, or may have ended."""
        trend = self.p_change_holm is not None and self.p_change_holm < LEVEL
        special = self.turn is not None or self.reversal is not None
        return self.word == "undetermined" and (trend or special)

    @property
    def end(self) -> str:
        """What is left of a fall, as the end of a sentence."""
        return "" if self.limit is None else self.limit.words(self.margin)


def decide(
    points: Configurations,
    *,
    axis: str,
    margin: float = MARGIN,
    permutations: Literal["checked", "none"] = "checked",
) -> Verdict:
    """The verdict before correction for the family. `margin` is a relative change over the observed
    range (0.10 = 10 %).

    `permutations="none"` skips the check by shuffling, which decides nothing and takes most of the
    time."""
    found = trend(points, axis=axis)
    levels = len(np.unique(points.axes[axis])) if axis in points.axes else 0
    if found is None:
        return Verdict(
            "undetermined",
            axis,
            f"{levels} levels of {axis}: a trend and its noise need at least three",
            levels=levels,
            margin=margin,
        )
    if isinstance(found, Entangled):
        runs = parting_runs(points, axis=axis, along=found.along)
        return _entangled(found, axis=axis, levels=levels, margin=margin, runs=runs)
    check = permutation(points, axis=axis) if permutations == "checked" else None
    bound = float(np.log1p(margin))
    p_falls, p_change = found.p_not_below(0.0), found.p_two_sided
    p_equivalent = found.p_beyond(bound)
    base = Verdict(
        word="undetermined",
        axis=axis,
        reason="",
        change=found.change,
        low=found.change - found.half_width,
        high=found.change + found.half_width,
        per_decade=found.per_decade,
        p_falls=p_falls,
        p_rises=1 - p_falls,
        p_change=p_change,
        p_change_holm=p_change,
        p_permutation=check.p if check else None,
        p_permutation_least=check.least if check else None,
        p_equivalent=p_equivalent,
        p_equivalent_holm=p_equivalent,
        margin=margin,
        equivalent=p_equivalent < LEVEL,
        noise=found.noise,
        freedom=found.freedom,
        levels=found.levels,
        seeds_needed=_seeds_needed(points, found, bound),
        reversal=reversal(points, axis=axis),
        turn=turn(points, axis=axis),
        limit=limit(points, axis=axis),
    )
    return _decide(base)


def _entangled(
    found: Entangled, *, axis: str, levels: int, margin: float, runs: tuple[dict[str, float], ...]
) -> Verdict:
    reason = f"axes move together: {axis} with {' and '.join(found.along)}"
    base = Verdict(
        "undetermined",
        axis,
        reason + _parted(runs),
        levels=levels,
        margin=margin,
        moves_with=found.along,
        parted_by=runs,
    )
    joint = found.joint
    if joint is None:
        return base
    low, high = joint.change - joint.half_width, joint.change + joint.half_width
    return replace(
        base,
        reason=f"{reason}; {_part(joint)} jointly{_parted(runs)}",
        joint=joint.change,
        joint_low=low,
        joint_high=high,
    )


def _parted(runs: tuple[dict[str, float], ...]) -> str:
    """The end of a sentence: the runs that would part the axes."""
    shown = " and ".join(
        " ".join(f"{name}={value:.3g}" for name, value in run.items()) for run in runs
    )
    what = "a run" if len(runs) == 1 else "runs"
    return f"; {what} at {shown} would part them" if runs else ""


def holm(verdicts: list[Verdict]) -> list[Verdict]:
    """The same verdicts, with the p values of change and of equivalence corrected by Holm
    over the family."""
    known = [position for position, verdict in enumerate(verdicts) if verdict.p_falls is not None]
    moves = _step_down([_p(verdicts[place].p_change) for place in known])
    stays = _step_down([_p(verdicts[place].p_equivalent) for place in known])
    corrected = list(verdicts)
    for place, move, stay in zip(known, moves, stays, strict=True):
        corrected[place] = _decide(
            replace(
                verdicts[place], p_change_holm=move, p_equivalent_holm=stay, equivalent=stay < LEVEL
            )
        )
    return corrected


def _step_down(values: list[float]) -> list[float]:
    """Holm 1979: multiplies the k-th smallest of n p values by n - k + 1, and keeps their order."""
    found, running = [1.0] * len(values), 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        running = max(running, min(1.0, values[place] * (len(values) - rank)))
        found[place] = running
    return found


def _p(value: float | None) -> float:
    return 1.0 if value is None else value


def _decide(verdict: Verdict) -> Verdict:
    assert verdict.change is not None
    assert verdict.p_change_holm is not None
    size = f"{abs(np.expm1(verdict.change)):.0%}"
    margin = f"{verdict.margin:.0%}"
    if verdict.reversal is not None:
        return replace(
            verdict, word="undetermined", reason=f"no single trend: it {verdict.reversal}"
        )
    if verdict.turn is not None:
        return replace(
            verdict, word="undetermined", reason=f"no single trend: it {_turns(verdict.turn)}"
        )
    if verdict.equivalent:
        return replace(
            verdict,
            word="flat",
            reason=f"total change {np.expm1(verdict.change):+.1%}, proven within ±{margin}",
        )
    if verdict.p_change_holm < LEVEL and verdict.change < 0:
        return replace(
            verdict,
            word=_word_of_fall(verdict.limit, margin=verdict.margin),
            reason=f"falls by {size}, p {_short(verdict.p_change_holm)} after Holm{verdict.end}",
        )
    if verdict.p_change_holm < LEVEL and verdict.change > 0:
        return replace(
            verdict,
            word="worsens",
            reason=f"rises by {size}, p {_short(verdict.p_change_holm)} after Holm",
        )
    seeds = (
        "; more configurations would decide, more seeds alone would not"
        if verdict.seeds_needed is None
        else f"; {verdict.seeds_needed} seeds per configuration would decide"
    )
    return replace(
        verdict, word="undetermined", reason=f"neither a trend nor its absence is shown{seeds}"
    )


def _word_of_fall(found: Limit | None, *, margin: float) -> Word:
    if found is None or not found.shown or found.low > margin:
        return "scales"
    return "saturates" if found.high < margin else "undetermined"


def _turns(found: Turn) -> str:
    words = {True: "falls", False: "rises"}
    first, then = (words[part.change < 0] for part in (found.before, found.after))
    before, after = _part(found.before), _part(found.after)
    return f"{first} up to {found.at:.4g} ({before}), then {then} ({after})"


def _part(part: Trend) -> str:
    ends = (part.change, part.change - part.half_width, part.change + part.half_width)
    change, low, high = (f"{np.expm1(value):+.0%}" for value in ends)
    return f"{change} [{low}, {high}]"


def _short(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _seeds_needed(points: Configurations, found: Trend, bound: float) -> int | None:
    """Seeds per configuration for 80 % power to show a trend of the observed size, or flatness if
    it is smaller than the margin. None where no number of seeds does, since configurations scatter
    more than that."""
    from scipy.stats import t as student

    if found.change_se == 0:
        return None
    seeds = float(points.seeds.mean())
    distance = abs(found.change) if abs(found.change) > bound / 2 else bound - abs(found.change)
    quantile = float(student.ppf(0.975, found.freedom))
    wanted = found.variance * (distance / found.change_se / (quantile + _NORMAL_POWER)) ** 2
    within = points.seed_variance
    spread = found.variance if found.spread is None else found.spread
    between = 0.0 if within is None else max(spread - within / seeds, 0.0)
    if wanted <= between:
        return None
    needed = int(np.ceil((spread - between) * seeds / (wanted - between)))
    return min(max(needed, int(seeds) + 1), _MOST_SEEDS)
