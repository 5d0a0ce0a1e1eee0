"""The pose at which a known body fits a frame's ink best, found by small steps from candidates or
on a grid around the last pose.

The score of a pose is the mean ink inside the body minus `RING` times that in the ring of one to
two pixels around it. Pixels near black bodies do not count, nor do pixels of the other colour
inside the body. Pixels of a body that was found before count as 0.4 inside, and not at all in the
ring."""

from typing import NamedTuple, no_type_check

import numpy as np

from physscale.evaluate.abnormal.solids import distance_to
from physscale.render.compiled import compiled

RING = 0.4
SEARCH_M = 1.6


class Form(NamedTuple):
    """One body; see `Solids`."""

    radius: float
    edges: np.ndarray
    reach: float
    thin: float
    inside: np.ndarray
    ring: np.ndarray


class View(NamedTuple):
    """One frame for bodies of one colour: that colour's ink, the other colour's ink, pixels that
    say nothing (`blind`), and pixels that already belong to a body (`owned`)."""

    ink: np.ndarray
    other: np.ndarray
    blind: np.ndarray
    owned: np.ndarray
    px: float


@compiled
@no_type_check
def pixels_near(middle: float, reach: float, px: float, more: int, size: int) -> tuple[int, int]:
    """The first pixel, and the one after the last, along an axis that lie within `reach` metres and
    `more` pixels of a point."""
    first = max(int((middle - reach) / px) - more, 0)
    return first, min(int((middle + reach) / px) + more + 1, size)


@compiled
@no_type_check
def _pixel(
    point: np.ndarray, x: float, y: float, cos: float, sin: float, view: View
) -> tuple[int, int]:
    """Row and column of a body's point, for a body at (x, y) turned by this angle."""
    col = int(np.floor((x + cos * point[0] - sin * point[1]) / view.px))
    up = int(np.floor((y + sin * point[0] + cos * point[1]) / view.px))
    return view.ink.shape[0] - 1 - up, col


@compiled
@no_type_check
def score(view: View, form: Form, x: float, y: float, angle: float, weight: float) -> float:
    """Mean ink inside minus `weight` times that in the ring; 0.5 if too few pixels of the body
    count."""
    size = view.ink.shape[0]
    cos, sin = np.cos(angle), np.sin(angle)
    asked, inked = 0.0, 0.0
    for number in range(len(form.inside)):
        row, col = _pixel(form.inside[number], x, y, cos, sin, view)
        if 0 <= col < size and 0 <= row < size:
            if view.blind[row, col] or view.other[row, col] > 0.6:
                continue
            asked += 1.0
            inked += 0.4 if view.owned[row, col] else min(max(view.ink[row, col], 0.0), 1.0)
        else:
            asked += 1.0
        if number == 9 and inked < 0.2 * asked:
            return -1.0
    if asked < 0.15 * len(form.inside):
        return 0.5
    around, wrong = 0.0, 0.0
    for number in range(len(form.ring)):
        row, col = _pixel(form.ring[number], x, y, cos, sin, view)
        if (
            0 <= col < size
            and 0 <= row < size
            and not view.blind[row, col]
            and not view.owned[row, col]
        ):
            around += 1.0
            wrong += min(max(view.ink[row, col], 0.0), 1.0)
    return inked / asked - (weight * wrong / around if around > 0 else 0.0)


@compiled
@no_type_check
def best_of(
    view: View, form: Form, candidates: np.ndarray, found: np.ndarray, leash: float
) -> float:
    """The best pose (into `found`) that small steps reach from any candidate, at most `leash` away
    from it, and its score."""
    best, px = -2.0, view.px
    trial = np.empty(3)
    for number in range(len(candidates)):
        x, y, angle = candidates[number]
        here = score(view, form, x, y, angle, RING)
        step = 2.0 * px
        while step > 0.15 * px:
            improved = False
            for move in range(4 if form.radius > 0.0 else 6):
                trial[0], trial[1], trial[2] = x, y, angle
                size = step / max(form.reach, 2 * px) if move >= 4 else step
                trial[move // 2] += size if move % 2 == 0 else -size
                if (
                    np.hypot(trial[0] - candidates[number, 0], trial[1] - candidates[number, 1])
                    > leash
                ):
                    continue
                there = score(view, form, trial[0], trial[1], trial[2], RING)
                if there > here + 1e-9:
                    here, x, y, angle, improved = there, trial[0], trial[1], trial[2], True
            if not improved:
                step *= 0.5
        if here > best:
            best = here
            found[0], found[1], found[2] = x, y, angle
        if best > 0.985:
            break
    return best


@compiled
@no_type_check
def best_around(view: View, form: Form, last: np.ndarray, found: np.ndarray) -> float:
    """The same from the four best points of a grid of places and angles around `last`."""
    step = max(1.2 * form.thin, 1.5 * view.px)
    turns = 1 if form.radius > 0.0 else int(np.ceil(np.pi * form.reach / (1.5 * step)))
    starts, values = np.zeros((4, 3)), np.full(4, -2.0)
    steps = int(np.ceil(SEARCH_M / step))
    coarse = Form(form.radius, form.edges, form.reach, form.thin, form.inside[::4], form.ring[::4])
    for across in range(-steps, steps + 1):
        for up in range(-steps, steps + 1):
            for turn in range(turns):
                x = last[0] + across * step
                y = last[1] + up * step
                angle = last[2] + turn * np.pi / turns
                value = score(view, coarse, x, y, angle, RING)
                if value > values[3]:
                    place = 3
                    while place > 0 and values[place - 1] < value:
                        values[place] = values[place - 1]
                        starts[place] = starts[place - 1]
                        place -= 1
                    values[place] = value
                    starts[place, 0], starts[place, 1], starts[place, 2] = x, y, angle
    return best_of(view, form, starts, found, SEARCH_M)


@compiled
@no_type_check
def mark(out: np.ndarray, pose: np.ndarray, form: Form, px: float, margin: float) -> None:
    """Sets the pixels whose centres lie within `margin` of the body."""
    size, reach = out.shape[0], form.reach + margin
    first, last = pixels_near(pose[1], reach, px, 1, size)
    first_col, last_col = pixels_near(pose[0], reach, px, 1, size)
    for up in range(first, last):
        for col in range(first_col, last_col):
            if (
                distance_to((col + 0.5) * px, (up + 0.5) * px, pose, form.radius, form.edges)
                <= margin
            ):
                out[size - 1 - up, col] = True
