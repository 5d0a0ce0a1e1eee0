"""Is there an order among attributes, given which of them won which conflicts?

No order is assumed. For each pair with w wins and l losses, p ~ Beta(w + ½, l + ½) is drawn `DRAWS`
times (Jeffreys prior). In a draw a beats b if p > ½. The draw then has an order, has a cycle, or
leaves the order open because some pairs were never tested. The verdict is what a share of at least
`SURE` of the draws agrees on. Strengths follow Bradley and Terry (1952):

    P(a beats b) = s_a / (s_a + s_b)

They are fitted to each draw by Hunter's MM algorithm (2004)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from physscale.evaluate.scores import Interval
from physscale.records.rate import Rate, wilson

DRAWS = 4000
SURE = 0.95
ROUNDS = 100

Verdict = Literal["order", "cycle", "undetermined"]


@dataclass(frozen=True)
class Duel:
    """How the conflicts between two attributes ended, without those that neither won."""

    first: str
    second: str
    first_wins: int
    second_wins: int

    @property
    def rate(self) -> Rate:
        """Share of the decided conflicts that the first attribute won."""
        return wilson(self.first_wins, of=self.first_wins + self.second_wins)


@dataclass(frozen=True)
class Ranking:
    """The result of all duels.

    Attributes:
        verdict: `order` or `cycle` if a share of at least `SURE` of the draws agrees on it.
        order: the most frequent order, strongest first; empty if no draw has an order.
        confidence: share of the draws with that order.
        cyclic: share of the draws in which some attributes beat each other in a cycle.
        orders: every order with its share, most frequent first.
        log_strength: log strengths (Bradley-Terry) with mean 0 and 95 % intervals; meaningful only
            if there is an order.
    """

    verdict: Verdict
    order: tuple[str, ...]
    confidence: float
    cyclic: float
    orders: Mapping[tuple[str, ...], float]
    log_strength: Mapping[str, Interval]

    def share_of(self, order: Iterable[str]) -> float:
        """Share of the draws with exactly this order."""
        return self.orders.get(tuple(order), 0.0)


def rank(duels: Iterable[Duel], *, seed: int = 0) -> Ranking:
    """Verdict and order of all attributes in the duels; several duels of one pair add up."""
    counted = list(duels)
    names = sorted({name for duel in counted for name in (duel.first, duel.second)})
    assert len(names) >= 2, "an order needs two attributes"
    wins, tested = np.zeros((2, len(names), len(names)))
    for duel in counted:
        tested[names.index(duel.first), names.index(duel.second)] = tested[
            names.index(duel.second), names.index(duel.first)
        ] = 1.0
        wins[names.index(duel.first), names.index(duel.second)] += duel.first_wins
        wins[names.index(duel.second), names.index(duel.first)] += duel.second_wins
    share = _draws(wins, tested=tested > 0, seed=seed)
    reached = _closure(share > 0.5)
    cyclic = reached[:, np.arange(len(names)), np.arange(len(names))].any(1)
    behind = reached.sum(2)
    ordered = ~cyclic & (np.sort(behind, axis=1) == np.arange(len(names))).all(1)
    found = Counter(
        tuple(names[place] for place in row)
        for row in np.argsort(-behind[ordered], axis=1).tolist()
    )
    orders = {order: count / DRAWS for order, count in found.most_common()}
    best = next(iter(orders), ())
    confidence, circle = orders.get(best, 0.0), float(cyclic.mean())
    verdict: Verdict = (
        "order" if confidence >= SURE else "cycle" if circle >= SURE else "undetermined"
    )
    return Ranking(
        verdict,
        best,
        confidence,
        circle,
        orders,
        dict(zip(names, _strengths(share, wins=wins), strict=True)),
    )


def _draws(
    wins: Float[np.ndarray, "names names"], *, tested: Bool[np.ndarray, "names names"], seed: int
) -> Float[np.ndarray, "draws names names"]:
    """P(row beats column) in each draw; NaN for pairs that were never tested."""
    rng = np.random.Generator(np.random.Philox(key=seed))
    share = np.full((DRAWS, *wins.shape), np.nan)
    for one, other in zip(*np.triu_indices(len(wins), 1), strict=True):
        if tested[one, other]:
            share[:, one, other] = rng.beta(wins[one, other] + 0.5, wins[other, one] + 0.5, DRAWS)
            share[:, other, one] = 1.0 - share[:, one, other]
    return share


def _closure(beats: Bool[np.ndarray, "draws names names"]) -> Bool[np.ndarray, "draws names names"]:
    """Whom each attribute beats, directly or through others (Warshall's algorithm)."""
    reached = beats.copy()
    for via in range(beats.shape[1]):
        reached |= reached[:, :, via, None] & reached[:, None, via, :]
    return reached


def _strengths(
    share: Float[np.ndarray, "draws names names"], *, wins: Float[np.ndarray, "names names"]
) -> list[Interval]:
    """Log strengths with mean 0; one extra win and loss against each tested rival keep them
    finite."""
    tested = np.isfinite(share[0])
    games = np.where(tested, wins + wins.T + 2.0, 0.0)
    won = (np.where(tested, share, 0.0) * games).sum(2)
    strength = np.ones((DRAWS, len(wins)))
    for _ in range(ROUNDS):
        strength = won / (games / (strength[:, :, None] + strength[:, None, :])).sum(2)
        strength /= np.exp(np.log(strength).mean(1, keepdims=True))
    log = np.log(strength)
    low, high = np.quantile(log, (0.025, 0.975), axis=0)
    played = games.sum(1).astype(int)
    return [
        Interval(float(log[:, i].mean()), float(low[i]), float(high[i]), int(played[i]))
        for i in range(len(wins))
    ]
