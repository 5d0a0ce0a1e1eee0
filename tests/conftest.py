"""Settings of the whole suite: shapes are checked (jaxtyping + beartype) in every room, one thread,
no network services.

Two processes share the tests: one takes all that start Ray, drivers or a browser, one after the
other, the second goes through the rest, file by file."""

import os
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")

from jaxtyping import install_import_hook

install_import_hook(
    [
        "physscale.records",
        "physscale.simulate",
        "physscale.render",
        "physscale.dataset",
        "physscale.codec",
        "physscale.model",
        "physscale.flow",
        "physscale.train",
        "physscale.evaluate",
        "analysis",
    ],
    "beartype.beartype",
)

hypothesis.settings.register_profile("physscale", deadline=None)  # no test is a stopwatch
hypothesis.settings.load_profile("physscale")

WHOLE_MACHINE = ("tests/integration/", "tests/browser/", "tests/chaos/test_ray_")
"""Where tests start processes of their own and measure patience: never two of them at a time."""


class OneForTheMachine(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out tests by file, in their order; all files of `WHOLE_MACHINE` go to one process.
    (`--dist loadgroup` leaves its marks unread since pytest 9.2: pytest-xdist issue 1386.)"""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "machine" if file.startswith(WHOLE_MACHINE) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneForTheMachine:
    return OneForTheMachine(config, log)
