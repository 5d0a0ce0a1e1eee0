"""How many CPUs a process may use: its affinity and the quotas of all its control groups."""

import os
from pathlib import Path

import pytest

from physscale.scheduling.this_machine import usable_cpus

MANY = set(range(64))


@pytest.mark.parametrize(
    ("lines", "files", "cpus"),
    [
        ("", {}, 64),
        ("0::/\n", {"cpu.max": "max 100000"}, 64),
        ("0::/\n", {"cpu.max": "400000 100000"}, 4),
        ("0::/\n", {"cpu.max": "50000 100000"}, 1),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "200000 100000", "a/cpu.max": "300000 100000"}, 2),
        ("0::/of/the/host\n", {"cpu.max": "400000 100000"}, 4),
        (
            "4:cpu,cpuacct:/job/7\n3:memory:/job/7\n",
            {
                "cpu,cpuacct/job/7/cpu.cfs_quota_us": "-1",
                "cpu,cpuacct/job/7/cpu.cfs_period_us": "100000",
                "cpu,cpuacct/job/cpu.cfs_quota_us": "500000",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
            },
            5,
        ),
        (
            "2:cpu:/docker/of/the/host\n",
            {"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "50000"},
            3,
        ),
    ],
)
def test_the_smallest_limit_counts(
    lines: str,
    files: dict[str, str],
    cpus: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: MANY, raising=False)
    (tmp_path / "groups").write_text(lines)
    for name, text in files.items():
        (tmp_path / "mounted" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mounted" / name).write_text(text)
    assert usable_cpus(groups=tmp_path / "groups", mounted=tmp_path / "mounted") == cpus
