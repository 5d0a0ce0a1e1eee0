"""What `doctor` says of GPUs, with an `nvidia-smi` that is a small script."""

from pathlib import Path

import pytest
import torch

from physscale.study.finding import Finding
from physscale.study.gpu_findings import gpu_findings

SMI = """#!/bin/sh
case $1 in
    --query-gpu=*) printf 'NVIDIA H100 80GB HBM3, 81559 MiB, DRIVER\\n%.0s' 1 2 ;;
    topo) printf '\\tGPU0\\tGPU1\\nGPU0\\t X \\tLINK\\nGPU1\\tLINK\\t X \\n' ;;
esac
"""


def found(infiniband: Path) -> dict[str, Finding]:
    return {finding.what: finding for finding in gpu_findings(infiniband=infiniband)}


def put_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, *, driver: str, link: str) -> None:
    (folder / "nvidia-smi").write_text(SMI.replace("DRIVER", driver).replace("LINK", link))
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def port(folder: Path, state: str) -> None:
    place = folder / "mlx5_0" / "ports" / "1"
    place.mkdir(parents=True)
    (place / "state").write_text(state)


def test_a_machine_without_gpus_is_told_none_and_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    said = found(tmp_path)
    assert [said[what].detail for what in ("GPUs", "NVLink", "InfiniBand")] == ["none"] * 3
    assert "driver none" in said["CUDA"].detail
    assert "wrong" not in {finding.verdict for finding in said.values()}


def test_cards_driver_and_links_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    put_smi(tmp_path, monkeypatch, driver="580.95.05", link="NV18")
    port(tmp_path / "adapters", "4: ACTIVE\n")
    said = found(tmp_path / "adapters")
    assert said["GPUs"].detail.startswith("torch sees 2: NVIDIA H100 80GB HBM3 (81559 MiB)")
    assert "driver 580.95.05" in said["CUDA"].detail
    assert said["NVLink"].detail == "1 pairs of cards, NV18"
    assert said["InfiniBand"].detail == "active: mlx5_0"
    assert {said[what].verdict for what in ("GPUs", "CUDA", "NVLink", "InfiniBand")} == {"fine"}


def test_what_slows_or_stops_a_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    put_smi(tmp_path, monkeypatch, driver="535.1", link="SYS")
    port(tmp_path / "adapters", "1: DOWN\n")
    said = found(tmp_path / "adapters")
    assert said["GPUs"].verdict == said["CUDA"].verdict == "wrong"
    assert "torch sees none" in said["GPUs"].detail
    assert "install 580 or newer" in said["CUDA"].detail
    assert said["NVLink"].verdict == said["InfiniBand"].verdict == "note"
    assert "TCP" in said["InfiniBand"].detail
