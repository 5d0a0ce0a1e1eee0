"""How a worker process of a test ends."""

import os
import sys
from typing import NoReturn

__all__ = ["end_process"]


def end_process() -> NoReturn:
    """End this process, whose work is done, without taking Python down.

    A thread of gloo may still be letting go of its last tensor. It then asks for an interpreter
    that is no longer there, and aborts the process (seen once in ten times on a busy machine)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
