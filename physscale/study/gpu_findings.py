"""What `doctor` says of GPUs: the cards, the driver, the builds of CUDA and NCCL, the links between
cards and between nodes, and the compiler that `compile` calls."""

import re
import shutil
import subprocess
from pathlib import Path

from physscale.scheduling.gpus import visible_gpus, why_none
from physscale.study.finding import Finding

OLDEST_DRIVER = {"12": 525, "13": 580}
"""By major release of CUDA (its release notes, table 2)."""

INFINIBAND = Path("/sys/class/infiniband")
_ANSWER_S = 20.0


def gpu_findings(*, infiniband: Path = INFINIBAND) -> list[Finding]:
    """One finding for each part; on a machine without GPUs it says "none", which is no fault."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        return [Finding("torch", "fine", "not installed; training needs physscale[train]")]
    cards = _asked(
        "nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"
    )
    rows = [line.split(", ") for line in cards.splitlines()]
    return [
        _cards([f"{row[0]} ({row[1]})" for row in rows]),
        _driver({row[2] for row in rows}),
        _nccl(),
        _links(len(rows)),
        _adapters(infiniband, needed=bool(rows)),
        _compiler(),
    ]


def _cards(listed: list[str]) -> Finding:
    count = visible_gpus()
    if not count and listed:
        detail = f"the driver lists {', '.join(listed)} and torch sees none: {why_none()}"
        return Finding("GPUs", "wrong", detail)
    return Finding("GPUs", "fine", f"torch sees {count}: {', '.join(listed)}" if count else "none")


def _driver(versions: set[str]) -> Finding:
    import torch

    built = f"torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}"
    if not versions or torch.version.cuda is None:
        return Finding("CUDA", "fine", f"{built}; driver {', '.join(sorted(versions)) or 'none'}")
    version, oldest = min(versions), OLDEST_DRIVER[torch.version.cuda.split(".")[0]]
    if int(version.split(".")[0]) < oldest:
        return Finding("CUDA", "wrong", f"{built}; driver {version}: install {oldest} or newer")
    return Finding("CUDA", "fine", f"{built}; driver {version}")


def _nccl() -> Finding:
    import torch

    if not torch.distributed.is_nccl_available():
        return Finding("NCCL", "fine", "none")
    parts = torch.cuda.nccl.version()  # type: ignore[no-untyped-call]
    return Finding("NCCL", "fine", ".".join(map(str, parts)))


def _links(cards: int) -> Finding:
    """NVLink between the cards of this machine."""
    links = re.findall(r"\bNV\d+\b", _asked("nvidia-smi", "topo", "-m") if cards > 1 else "")
    if links:
        return Finding("NVLink", "fine", f"{len(links) // 2} pairs of cards, {max(links)}")
    detail = "none: cards talk over PCIe" if cards > 1 else "none"
    return Finding("NVLink", "note" if cards > 1 else "fine", detail)


def _adapters(infiniband: Path, *, needed: bool) -> Finding:
    """InfiniBand, RoCE and EFA adapters with a port that is up."""
    ports = sorted(infiniband.glob("*/ports/*/state"))
    active = [port.parents[2].name for port in ports if "ACTIVE" in port.read_text()]
    if active:
        return Finding("InfiniBand", "fine", f"active: {', '.join(active)}")
    detail = "none" + " active" * bool(ports) + "; nodes would talk over TCP" * needed
    return Finding("InfiniBand", "note" if needed else "fine", detail)


def _compiler() -> Finding:
    found = shutil.which("g++") or shutil.which("clang++")
    if found is None:
        return Finding("C compiler", "note", "none: train.compile needs g++; install it")
    return Finding("C compiler", "fine", found)


def _asked(*command: str) -> str:
    """What a program prints; nothing where it is not there, fails, or is silent for too long."""
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_ANSWER_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
