"""Does a model prefer a true video to its twin that breaks the law? The twin shares all frames up
to a moment and differs afterwards.

The model prefers the video with the smaller held-out loss, computed with the same noise for both
(likelihood preference as in arXiv 2510.11512). By chance the rate is one half. A twin is left out
if a body is out of view while the true one is in view, because an empty frame is easy to denoise.
The preference of a model that always predicts zero latents (`blind`) shows how far content alone
decides."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from physscale.evaluate.motion.outcomes import discs_in_view
from physscale.evaluate.scores import Interval, bootstrap
from physscale.records.rate import Rate, wilson
from physscale.records.video import PLACE, STATE, VELOCITY, Videos

Twin = Literal["faster", "turned", "stopped", "through", "weightless"]
TWINS: tuple[Twin, ...] = get_args(Twin)
"""After the moment the bodies move 1.5 times as fast, go back, stop, pass through each other as if
there were no contact, or go straight on where the true body falls."""

MORE = 0.5
LEAST_M = 0.3
"""In a twin some body is at least this far from its true position at some moment."""

VY = STATE.index("vy_m_s")
FALLS_M_S = 1e-3


@dataclass(frozen=True)
class Preference:
    """How often the true video is preferred.

    Attributes:
        rate: share of the pairs in which the true video has the smaller loss; a tie counts for the
            twin.
        log_ratio: mean of log(loss of the twin ÷ loss of the truth); positive if the truth is
            preferred.
    """

    rate: Rate
    log_ratio: Interval


@dataclass(frozen=True)
class Pairs:
    """True rows, and the same rows with the law broken."""

    valid: Videos
    invalid: Videos


def twins(truth: Videos, *, kind: Twin, moment: int) -> Pairs:
    """The rows that have such a twin, and the twins; both without pixels.

    Args:
        moment: the frame up to which both agree; a `through` twin differs from the contact on.
    """
    state = _broken(truth, kind=kind, moment=moment)
    apart = (
        np.linalg.norm(state[..., PLACE] - truth.state[..., PLACE], axis=-1).max((1, 2)) >= LEAST_M
    )
    made, true = (discs_in_view(truth, place_m=one[..., PLACE]) for one in (state, truth.state))
    stays = (made | ~true).all((1, 2))
    late = truth.contact_s > truth.time_s[:, moment]
    chosen = apart & stays & late if kind == "through" else apart & stays
    valid = truth.take(np.flatnonzero(chosen)).with_pixels(None)
    return Pairs(valid, replace(valid, state=state[chosen].astype(np.float32)))


def preference(
    valid: Float[np.ndarray, " pairs"], *, invalid: Float[np.ndarray, " pairs"]
) -> Preference:
    """The preference from the losses of one or more pairs."""
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
    falls = np.ptp(state[..., VY], axis=1)[:, None, :, None] > FALLS_M_S
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
