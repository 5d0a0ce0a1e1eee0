"""Settings of the whole suite: shapes are checked (jaxtyping + beartype) in every room, one thread, no network services."""

import os

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
