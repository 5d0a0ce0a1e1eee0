"""The random numbers of a bootstrap, shared by all splits of a table, which pairs the differences
between splits.

Configurations that every split holds are drawn together: one draw takes the same ones in all
splits. Those that are not shared are drawn separately. Noise for a parametric bootstrap is normal
and correlated between splits as their seeds are. It is scaled by sqrt(freedom / chi2) once per
draw, so a linear functional of it has Student's t distribution with the degrees of freedom of its
variance."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from analysis.data.configurations import Configurations

_SCALES = 10_000
"""Random stream of the scales; the streams below it belong to the splits."""


@dataclass(frozen=True)
class Resamples:
    """One split's share of the common random numbers.

    `common` and `own` are indices into this split's configurations, in the order of drawing. `slot`
    is each configuration's index among those of all splits. `mix` weights the streams of all splits
    into this split's noise."""

    draws: int
    seed: int
    split: int
    common: Int[np.ndarray, " common"]
    own: Int[np.ndarray, " own"]
    slot: Int[np.ndarray, " configurations"]
    slots: int
    mix: Float[np.ndarray, " splits"]

    def counts(self) -> Float[np.ndarray, "resamples configurations"]:
        """How often each configuration is drawn.

        Uses NumPy's legacy generator, so that seed 42 gives exactly the resamples of Besiroglu et
        al. 2024 (arXiv 2404.10102)."""
        found = np.zeros((self.draws, len(self.slot)))
        streams = (
            (self.common, np.random.RandomState(self.seed)),
            (self.own, np.random.RandomState([self.seed, self.split, 1])),
        )
        for places, stream in streams:
            for row in found if len(places) else ():
                row[places] = np.bincount(
                    stream.choice(len(places), len(places)), minlength=len(places)
                )
        return found

    def noise(self, *, freedom: int) -> Float[np.ndarray, "resamples configurations"]:
        """Noise of unit variance, where the variance is known with `freedom` degrees of freedom."""
        from scipy.stats import chi2

        normal = np.zeros((self.draws, len(self.slot)))
        for stream, weight in enumerate(self.mix):
            if weight:
                normal += (
                    weight
                    * np.random.default_rng((self.seed, stream)).standard_normal(
                        (self.draws, self.slots)
                    )[:, self.slot]
                )
        level = np.random.default_rng((self.seed, _SCALES)).uniform(size=self.draws)
        return normal * np.sqrt(freedom / np.maximum(chi2.ppf(level, freedom), 1e-300))[:, None]

    def generator(self) -> np.random.Generator:
        """For draws that no other split shares, such as counts of videos."""
        return np.random.default_rng((self.seed, self.split))


def shared_resamples(
    points: Mapping[str, Configurations],
    *,
    draws: int,
    seed: int,
    correlation: Float[np.ndarray, "splits splits"] | None = None,
) -> dict[str, Resamples]:
    """The resamples of every split. `correlation` is that of the seeds' noise between splits; None
    assumes none."""
    keys = {name: keys_of(part) for name, part in points.items()}
    ranked = {
        name: [keys[name][place] for place in np.argsort(part.appearance)]
        for name, part in points.items()
    }
    everywhere = set.intersection(*(set(found) for found in keys.values()))
    slots = {
        key: slot
        for slot, key in enumerate(dict.fromkeys(key for found in ranked.values() for key in found))
    }
    order = [key for key in slots if key in everywhere]
    mix = np.linalg.cholesky(np.eye(len(points)) if correlation is None else _positive(correlation))
    found = {}
    for split, (name, own_keys) in enumerate(keys.items()):
        place = {key: position for position, key in enumerate(own_keys)}
        found[name] = Resamples(
            draws=draws,
            seed=seed,
            split=split,
            common=np.array([place[key] for key in order], dtype=np.int64),
            own=np.array(
                [place[key] for key in ranked[name] if key not in everywhere], dtype=np.int64
            ),
            slot=np.array([slots[key] for key in own_keys], dtype=np.int64),
            slots=len(slots),
            mix=mix[split],
        )
    return found


def keys_of(points: Configurations) -> list[tuple[float, ...]]:
    """Each configuration's axes."""
    if not points.axes:
        return [()] * len(points.log_mean)
    return [tuple(row) for row in np.stack(list(points.axes.values()), axis=1).tolist()]


def _positive(correlation: np.ndarray) -> np.ndarray:
    """The nearest valid correlation matrix. Pairs of splits share different runs, so the estimate
    may not be one."""
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    found = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    size = np.sqrt(np.diag(found))
    return np.asarray(found / size[:, None] / size[None, :])
