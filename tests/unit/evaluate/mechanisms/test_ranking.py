"""An order among attributes: found where it was planted, refused where there is a circle, and not
invented where there is none."""

import itertools

import numpy as np
import pytest

from physscale.evaluate.mechanisms.ranking import Duel, rank

PAPERS = ("colour", "size", "velocity", "shape")


def planted(*, share: float, videos: int = 60) -> list[Duel]:
    """Every attribute beats all after it in `share` of the videos."""
    won = round(share * videos)
    return [Duel(one, other, won, videos - won) for one, other in itertools.combinations(PAPERS, 2)]


def test_a_planted_order_is_found_with_its_confidence() -> None:
    found = rank(planted(share=0.9))
    assert (found.verdict, found.order) == ("order", PAPERS)
    assert found.confidence > 0.99
    assert found.share_of(PAPERS) == found.confidence
    strengths = [found.log_strength[name] for name in PAPERS]
    assert all(one.low > other.high for one, other in itertools.pairwise(strengths)), (
        "strengths fall along the order"
    )


@pytest.mark.parametrize("order", list(itertools.permutations(PAPERS))[::5])
def test_the_order_is_the_data_s_and_not_the_paper_s(order: tuple[str, ...]) -> None:
    duels = [Duel(one, other, 50, 4) for one, other in itertools.combinations(order, 2)]
    assert rank(duels).order == order
    assert (
        rank(
            [Duel(duel.second, duel.first, duel.second_wins, duel.first_wins) for duel in duels]
        ).order
        == order
    ), "sides do not matter"


def test_a_circle_is_said_and_not_ranked() -> None:
    """colour > size > velocity > colour, all above shape."""
    circle = [
        Duel("colour", "size", 50, 10),
        Duel("size", "velocity", 50, 10),
        Duel("velocity", "colour", 50, 10),
    ]
    found = rank([*circle, *(Duel(name, "shape", 55, 5) for name in PAPERS[:3])])
    assert found.verdict == "cycle"
    assert found.cyclic > 0.99
    assert found.confidence < 0.01


def test_an_order_is_seldom_claimed_where_there_is_no_preference() -> None:
    rng = np.random.default_rng(0)
    claims = 0
    for world in range(100):
        wins = rng.binomial(100, 0.5, 6).tolist()
        duels = [
            Duel(*pair, won, 100 - won)
            for pair, won in zip(itertools.combinations(PAPERS, 2), wins, strict=True)
        ]
        claims += rank(duels, seed=world).verdict != "undetermined"
    assert claims <= 5, "at most 5 %"


def test_few_videos_say_little() -> None:
    assert rank(planted(share=1.0, videos=1)).verdict == "undetermined"


def test_conflicts_that_nobody_won_say_nothing() -> None:
    found = rank([Duel("colour", "size", 0, 0)])
    assert found.verdict == "undetermined"
    assert found.share_of(("colour", "size")) == pytest.approx(0.5, abs=0.05)


def test_pairs_never_tested_leave_the_order_open() -> None:
    ends = [Duel("colour", "size", 50, 0), Duel("velocity", "shape", 50, 0)]
    assert rank(ends).verdict == "undetermined"
    chain = rank([*ends, Duel("size", "velocity", 50, 0)])
    assert (chain.verdict, chain.order) == ("order", PAPERS), "three links in a row are enough"


def test_the_rate_is_of_the_decided() -> None:
    rate = Duel("colour", "size", 3, 1).rate
    assert (rate.value, rate.count) == (0.75, 4)
    assert np.isnan(Duel("colour", "size", 0, 0).rate.value)
