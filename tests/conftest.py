"""Settings of the whole suite: shapes are checked (jaxtyping + beartype) in every room, one thread, no network services.

Two processes share the tests: one takes all that start Ray, drivers or a browser, one after the other, the second goes through the rest,
file by file.
"""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")

from jaxtyping import install_import_hook

install_import_hook(
    [
        "physscale.records",
        "physscale.simulate",
        "physscale.render",
        "physscale.dataset",
        "physscale.model",
        "physscale.flow",
        "physscale.train",
        "physscale.sample",
        "physscale.evaluate",
        "analysis",
    ],
    "beartype.beartype",
)

WHOLE_MACHINE = ("integration", "browser", "chaos")
"""Folders whose tests start processes of their own and measure patience: never two of them at a time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here)
        item.add_marker(pytest.mark.xdist_group("machine" if folder.parts[0] in WHOLE_MACHINE else str(folder)))
