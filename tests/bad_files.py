"""Calls of every command that reads a file, and what people put there by mistake."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

BAD, GOOD, MOVIE, STUDY, HERE = "BAD", "GOOD", "MOVIE", "STUDY", "HERE"
"""In a call: the file that is wrong, a good data set, a good mp4 file, a study's folder, and where
to write."""


def _linked(path: Path) -> None:
    path.symlink_to(path)


def is_wrong(call: str, *, kind: str) -> bool:
    """Whether this is a mistake: results lie in a folder."""
    return not (call.endswith("results") and kind == "folder")


def _unreadable(path: Path) -> None:
    """The system opens it and fails as it reads, as a broken disk does."""
    path.symlink_to("/proc/self/mem")


def _socket(path: Path) -> None:
    place = os.open(path.parent, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as made:  # by a short name: 107 letters fit
        made.bind(f"/proc/self/fd/{place}/{path.name}")
    os.close(place)


BAD_FILES: dict[str, Callable[[Path], object]] = {
    "folder": lambda path: (path / "in it").mkdir(parents=True),
    "empty": lambda path: path.write_bytes(b""),
    "nonsense": lambda path: path.write_text("to be or not to be\n" * 9),
    "latin-1": lambda path: path.write_bytes("größe: 1\nN,D,Größe\n1,2,3\n".encode("latin-1")),
    "utf-16": lambda path: path.write_bytes("run_workers: 1\nN,D,loss\n1,2,3\n".encode("utf-16")),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 40),
    "nul": lambda path: path.write_bytes(bytes(5000)),
    "arrow": lambda path: path.write_bytes(b"ARROW1\0\0" + bytes(500) + b"ARROW1"),
    "parquet": lambda path: path.write_bytes(b"PAR1" + bytes(500) + b"PAR1"),
    "hdf5": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(2000)),
    "mp4": lambda path: path.write_bytes(b"\0\0\0\x20ftypisom" + bytes(900)),
    "json": lambda path: path.write_text('{"a": [1, {"b": null}]}'),
    "list": lambda path: path.write_text("[1, 2, 3]"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "number": lambda path: path.write_text("9" * 5000),
    "linked to itself": _linked,
    "unreadable": _unreadable,
    "pipe": os.mkfifo,
    "socket": _socket,
    "endless": lambda path: path.symlink_to("/dev/zero"),
}

_FIT = ("--response", "loss", "--axes", "N,D")
READS: dict[str, tuple[str, ...]] = {
    "fit": ("fit", BAD, *_FIT),
    "fit isotonic": ("fit", BAD, *_FIT, "--law", "isotonic"),
    "verdict": ("verdict", BAD, *_FIT),
    "frontier": ("frontier", BAD, *_FIT),
    "next": ("next", BAD, *_FIT, "--parameter", "alpha", "--budget", "1e9"),
    "compare": ("compare", BAD, "--response", "loss", "--axes", "x=N", "--laws", "power-zero,flat"),
    "plot": ("plot", BAD, *_FIT, "--out", HERE),
    "bands": ("bands", BAD, "--at", "N=1e6,D=1e6"),
    "report": ("report", BAD, "--out", HERE),
    "figures": ("figures", BAD, "--out", HERE),
    "gallery": ("gallery", "--data", BAD, "--out", HERE),
    "show": ("show", BAD, "--out", HERE),
    "check": ("check", BAD),
    "check against": ("check", GOOD, "--against", BAD),
    "detect": ("detect", BAD),
    "compare-videos true": ("compare-videos", BAD, GOOD),
    "compare-videos made": ("compare-videos", GOOD, BAD),
    "compare-videos lpips": ("compare-videos", GOOD, GOOD, "--lpips-weights", BAD),
    "compare-videos fvd": ("compare-videos", GOOD, GOOD, "--fvd-weights", BAD),
    "evaluate": ("evaluate", BAD),
    "evaluate mp4": ("evaluate", f"{BAD}.mp4", "--truth", GOOD),
    "evaluate truth": ("evaluate", MOVIE, "--truth", BAD),
    "evaluate study": ("evaluate", STUDY, "--machine", BAD),
    "probe": ("probe", BAD, "--what", "memory", "--trained", GOOD),
    "probe trained": ("probe", GOOD, "--what", "memory", "--trained", BAD),
    "probe study": ("probe", STUDY, "--machine", BAD),
    "study-page": ("study-page", BAD, "--agreement"),
    "study-page answers": ("study-page", STUDY, "--agreement", "--answers", BAD),
    "plan machine": ("plan", "quickstart", "--machine", BAD),
    "plan device": ("plan", "quickstart", "--device", f"{BAD}.json"),
    "plan next": ("plan", "quickstart", "--next", BAD),
    "plan tuned": ("plan", "quickstart", "--tuned", BAD),
    "run machine": ("run", "quickstart", "--dry-run", "--machine", BAD),
    "run next": ("run", "quickstart", "--dry-run", "--next", BAD),
    "run tuned": ("run", "quickstart", "--dry-run", "--tuned", BAD),
    "tune machine": ("tune", "quickstart", "--dry-run", "--machine", BAD),
    "encode machine": ("encode", "quickstart", "--dry-run", "--machine", BAD),
    "score machine": ("score", "quickstart", "--dry-run", "--machine", BAD),
    "calibrate-device machine": ("calibrate-device", "--machine", BAD),
    "submit machine": ("submit", "quickstart", "--address", "http://127.0.0.1:1", "--machine", BAD),
    "submit next": ("submit", "quickstart", "--address", "http://127.0.0.1:1", "--next", BAD),
    "submit tuned": ("submit", "quickstart", "--address", "http://127.0.0.1:1", "--tuned", BAD),
    "pull": ("pull", "quickstart", f"file://{BAD}", "--results", HERE),
} | {
    f"{command} results": (command, "quickstart", *more, "--results", BAD)
    for command, *more in (
        *(("plan",), ("run", "--dry-run"), ("status",), ("metrics",), ("logs",), ("retry",)),
        *(("gc",), ("score",), ("sync",), ("dashboard",), ("push", "file:///nowhere")),
    )
}
