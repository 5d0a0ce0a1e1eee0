"""Does a model find a true video likelier than its twin that breaks the law? The twin shares all
frames up to a moment, then differs.

Preferred is the video with the smaller denoising loss, both met by the same noise
(`evaluate.denoise`; likelihood preference as in arXiv 2510.11512). A chance answer is one half.
Twins whose bodies leave the view, where the true ones do not, are left out: an empty frame is easy
to denoise. What content alone decides is told by the loss of a model that always predicts zero
latents (`blind`)."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float

from physscale.evaluate.scores import Interval, bootstrap
from physscale.records.rate import Rate, wilson
from physscale.records.scene import WORLD_M
from physscale.records.video import BODY, PLACE, STATE, VELOCITY, Videos

Twin = Literal["faster", "turned", "stopped", "through", "weightless"]
TWINS: tuple[Twin, ...] = get_args(Twin)
"""From the moment on: half again as fast; the way back; at rest; through each other as if there
were no contact; straight on, where the true body falls."""

MORE = 0.5
LEAST_M = 0.3
"""A twin is one only where a body is at least so far from its true place at some moment."""

X, Y, VX = STATE.index("x_m"), STATE.index("y_m"), STATE.index("vx_m_s")
EDGE_M = 1e-3


@dataclass(frozen=True)
class Preference:
    """How often the true video is preferred.

    Attributes:
        rate: share of the pairs in which the true video has the smaller loss; ties count for the
            twin.
        log_ratio: mean of log(loss of the twin ÷ loss of the true one), above 0 in favour of the
            truth.
    """

    rate: Rate
    log_ratio: Interval


@dataclass(frozen=True)
class Pairs:
    """True rows, and those rows with the law broken; equally many."""

    valid: Videos
    invalid: Videos


def twins(truth: Videos, *, kind: Twin, moment: int) -> Pairs:
    """The rows of which such a twin exists, beside it; both without pixels.

    Args:
        moment: the frame up to which both are the same (`through` parts from the truth at the
            contact).
    """
    state = _broken(truth, kind=kind, moment=moment)
    apart = (
        np.linalg.norm(state[..., PLACE] - truth.state[..., PLACE], axis=-1).max((1, 2)) >= LEAST_M
    )
    stays = (_in_view(truth, state=state) | ~_in_view(truth, state=truth.state)).all((1, 2))
    late = truth.contact_s > truth.time_s[:, moment]
    chosen = apart & stays & late if kind == "through" else apart & stays
    valid = truth.take(np.flatnonzero(chosen)).with_pixels(None)
    return Pairs(valid, replace(valid, state=state[chosen].astype(np.float32)))


def preference(
    valid: Float[np.ndarray, " pairs"], *, invalid: Float[np.ndarray, " pairs"]
) -> Preference:
    """From the losses of both, pair by pair; at least one pair."""
    log_ratio = np.log(np.maximum(invalid, 1e-300) / np.maximum(valid, 1e-300))
    return Preference(wilson(int((valid < invalid).sum()), of=len(valid)), bootstrap(log_ratio))


def _broken(
    truth: Videos, *, kind: Twin, moment: int
) -> Float[np.ndarray, "batch frames bodies state"]:
    state = truth.state.astype(np.float64)
    there, place = state[:, moment : moment + 1], state[..., PLACE]
    start = there[..., PLACE]
    after = (np.arange(state.shape[1]) > moment)[None, :, None, None]
    if kind == "through":
        first = state[:, :1, :, VELOCITY]
        since = (truth.time_s - truth.time_s[:, :1])[:, :, None, None]
        hit = (truth.time_s > truth.contact_s[:, None])[:, :, None, None]
        state[..., PLACE] = np.where(hit, state[:, :1, :, PLACE] + first * since, place)
        return state
    since = (truth.time_s - truth.time_s[:, moment : moment + 1])[:, :, None, None]
    falls = np.ptp(state[..., VX + 1], axis=1)[:, None, :, None] > EDGE_M
    straight = np.where(
        falls & np.isnan(truth.contact_s)[:, None, None, None],
        start + there[..., VELOCITY] * since,
        place,
    )
    wrong = {
        "faster": place + MORE * (place - start),
        "turned": 2 * start - place,
        "stopped": np.broadcast_to(start, place.shape),
        "weightless": straight,
    }[kind]
    state[..., PLACE] = np.where(after, wrong, place)
    return state


def _in_view(truth: Videos, *, state: np.ndarray) -> Bool[np.ndarray, "batch frames bodies"]:
    radius = truth.body[:, None, :, BODY.index("radius_m")] - EDGE_M
    across, up = state[..., X], state[..., Y]
    inside: np.ndarray = (
        (across >= radius)
        & (across <= WORLD_M - radius)
        & (up >= radius)
        & (up <= WORLD_M - radius)
    )
    return inside
