"""Simulated, drawn and stored at 256 px: ours beside the paper's method, in one run."""

import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.paper_method import compare


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return compare("frames_256", size_px=256, ours=128, theirs=3, folder=Path(folder))
