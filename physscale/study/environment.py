"""Where a study was run: the machine and software behind its numbers."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from physscale.scheduling.this_machine import usable_cpus

PACKAGES = ("torch", "ray", "numpy", "pyarrow")


def environment() -> dict[str, str]:
    """Words by name: software versions, processor, commit of the code."""
    found = {name: version(name) for name in PACKAGES}
    found |= {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    found |= {"processor": processor(), "cpus": str(usable_cpus())}
    return found | {"commit": _commit()}


def processor() -> str:
    """The processor's own name."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.processor() or "unknown",
    )


def _commit() -> str:
    """The checkout's commit, `+` where files differ from it; "not a checkout" for an installed
    package."""
    here = Path(__file__).parent
    try:
        asked = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"],
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "not a checkout"
    return asked.stdout.strip() or "not a checkout"
