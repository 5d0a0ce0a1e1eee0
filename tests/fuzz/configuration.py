"""Machine files: YAML of anybody."""

from pathlib import Path

from physscale.scheduling.machine_file import read_machine
from tests.paths import ROOT


def seeds() -> list[bytes]:
    return [file.read_bytes() for file in sorted((ROOT / "cluster").glob("*.yaml"))]


def read(data: bytes, folder: Path) -> None:
    file = folder / "machine.yaml"
    file.write_bytes(data)
    read_machine(file)
