"""A rate and its interval."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from physscale.records.rate import wilson


@pytest.mark.parametrize(("count", "of"), [(0, 18), (3, 18), (12, 18), (18, 18), (1, 1000)])
def test_wilsons_interval_is_statsmodels(count: int, of: int) -> None:
    rate = wilson(count, of=of)
    assert (rate.low, rate.high) == pytest.approx(
        proportion_confint(count, of, method="wilson"), abs=1e-12
    )
    assert rate.value == count / of


def test_nothing_tried_is_no_rate() -> None:
    rate = wilson(0, of=0)
    assert np.isnan(rate.value)
    assert (rate.low, rate.high) == (0.0, 1.0)
