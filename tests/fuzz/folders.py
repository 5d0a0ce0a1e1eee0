"""A whole folder of ours, one file of which is replaced: the first byte of the input says which."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Whole:
    """The files of a folder, by name."""

    files: dict[str, bytes]

    @classmethod
    def of(cls, folder: Path) -> "Whole":
        paths = sorted(path for path in folder.iterdir() if path.is_file())
        return cls({path.name: path.read_bytes() for path in paths})

    def seeds(self, names: Sequence[str]) -> list[bytes]:
        """Each of these files as it is."""
        return [bytes([place]) + self.files[name] for place, name in enumerate(names)]

    def write(self, folder: Path, *, names: Sequence[str], data: bytes) -> None:
        """The folder anew, with the rest of the input in the place of one of these files."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        changed = {names[data[0] % len(names)]: data[1:]} if data else {}
        for name, content in (self.files | changed).items():
            (folder / name).write_bytes(content)
