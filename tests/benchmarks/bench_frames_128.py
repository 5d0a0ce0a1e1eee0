"""Simulated, drawn and stored at 128 px: ours beside the paper's method, in one run."""

import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.paper_method import compare


def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return compare("frames_128", size_px=128, ours=400, theirs=8, folder=Path(folder))
