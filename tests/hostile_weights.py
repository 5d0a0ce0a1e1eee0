"""Files of weights that lie: safetensors headers from a seed, and pickles in their place."""

import io
import json
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

LENGTHS = (0, 1, 7, 2**20, 2**31, 2**53, 2**60, 2**63, 2**64 - 1)
NUMBERS: tuple[Any, ...] = (
    *(-1, 0, 1, 2, 2**31, 2**53, 2**60, 2**63, 2**64, 10**40, 0.5, 1e400, float("nan")),
    *("1", "", None, True, [], {}, [[1]]),
)
KINDS: tuple[Any, ...] = ("F64", "F32", "F16", "BF16", "I64", "U8", "BOOL", "F4", "X", "", None, 1)
RAW = (b"", b"{", b"[]", b"null", b"\xff", b"{}" + b" " * 100, b"[" * 10_000, b'{"a":' * 5000)


def lying_headers(whole: bytes, *, seed: int, times: int) -> Iterator[bytes]:
    """The file with another header: lengths, shapes, kinds, places, names."""
    chance = random.Random(seed)
    length = struct.unpack("<Q", whole[:8])[0]
    header, body = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    for _ in range(times):
        lie = json.loads(json.dumps(header))
        kind = chance.randrange(9)
        if kind == 0:
            yield struct.pack("<Q", chance.choice(LENGTHS)) + whole[8:]
            continue
        if kind == 1:
            text = chance.choice(RAW)
        elif kind == 2:
            entry = json.dumps(chance.choice(list(header.values())))
            names = [chance.choice(list(header)) for _ in range(3)]
            text = ("{" + ",".join(f'"{name}":{entry}' for name in names) + "}").encode()
        else:
            for name in chance.sample(list(lie), k=chance.randint(1, len(lie))):
                lie[name] = _lying(lie[name], chance)
            if chance.random() < 0.2:
                lie["__metadata__"] = chance.choice([*NUMBERS, {"a": 1}, {"format": "pt" * 1000}])
            if chance.random() < 0.2:
                lie[chance.choice(["../x", "", "a" * 10_000, "\0"])] = lie.popitem()[1]
            text = json.dumps(lie).encode()
        torn = body[: chance.randrange(len(body) + 1)] if chance.random() < 0.2 else body
        yield struct.pack("<Q", len(text)) + text + torn


def _lying(entry: dict[str, Any], chance: random.Random) -> Any:
    match chance.randrange(6):
        case 0:
            return entry | {"dtype": chance.choice(KINDS)}
        case 1:
            return entry | {"shape": [chance.choice(NUMBERS) for _ in range(chance.randint(0, 5))]}
        case 2:
            return entry | {"data_offsets": [chance.choice(NUMBERS) for _ in range(2)]}
        case 3:
            return entry | {"data_offsets": entry["data_offsets"][::-1]}
        case 4:
            return {key: value for key, value in entry.items() if chance.random() < 0.5}
        case _:
            return chance.choice(NUMBERS)


class Run:
    """Unpickled, it makes the folder of its name."""

    def __init__(self, canary: Path) -> None:
        self._canary = str(canary)

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self._canary,)


def pickles(canary: Path) -> dict[str, bytes]:
    """Files that make the folder `canary` if anything unpickles them, or unpacks them."""
    payload = pickle.dumps(Run(canary))
    return {
        "a pickle": payload,
        "a zip as torch writes": _zip({"archive/data.pkl": payload, "archive/version": b"3\n"}),
        "a zip that leads out": _zip({f"../{canary.name}": b"x", "archive/data.pkl": payload}),
        "an array of objects": _npy(canary),
        "arrays of objects": _zip({"weights.npy": _npy(canary)}),
    }


def _zip(entries: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return sink.getvalue()


def _npy(canary: Path) -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.array([Run(canary)], dtype=object), allow_pickle=True)
    return sink.getvalue()
