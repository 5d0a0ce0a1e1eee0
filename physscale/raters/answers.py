"""Raters' answers: an append-only file with one row per answer. If a rater answers twice about one
clip, the last answer counts."""

import math
import time
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from physscale.raters.clips import Clip
from physscale.records.errors import DamagedData
from physscale.records.json_lines import append_line, read_lines

LONGEST_NAME = 40


@dataclass(frozen=True)
class Answer:
    """A rater's first impression of a clip.

    Attributes:
        seconds: time between the appearance of the screen and the answer.
        time_s: time of the answer in seconds since 1970.
        seed: the seed of the draw of clips and of their order.
    """

    clip: str
    source: str
    index: int
    rater: str
    abnormal: bool
    seconds: float
    time_s: float
    seed: int


def checked_rater(name: object) -> str:
    """The name without surrounding space.

    Raises:
        ValueError: unless it has 1 to 40 visible characters.
    """
    text = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
    if not 1 <= len(text) <= LONGEST_NAME or any(
        unicodedata.category(sign)[0] == "C" for sign in text
    ):
        raise ValueError(f"a name has 1 to {LONGEST_NAME} visible characters")
    return text


def answered(said: dict[str, Any], *, clips: dict[str, Clip], seed: int) -> Answer:
    """The answer that the page sent, checked.

    Raises:
        ValueError: if a part is not valid; the message names it.
    """
    clip = clips.get(str(said.get("clip")))
    if clip is None:
        raise ValueError("no such clip")
    obeys, seconds = said.get("obeys"), said.get("seconds")
    if not isinstance(obeys, bool):
        raise ValueError("obeys: true or false")
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not math.isfinite(seconds)
        or seconds < 0
    ):
        raise ValueError("seconds: a number, 0 or more")
    rater = checked_rater(said.get("rater"))
    return Answer(
        clip.name, clip.source, clip.index, rater, not obeys, float(seconds), time.time(), seed
    )


def write_answer(path: Path, answer: Answer) -> None:
    """Adds one row.

    Raises:
        UserError: if the file cannot be written.
    """
    append_line(path, asdict(answer))


def read_answers(path: Path) -> list[Answer]:
    """Every rater's last answer about every clip, in the order of the first answers.

    Raises:
        DamagedData: if a line is not an answer.
    """
    last: dict[tuple[str, str], Answer] = {}
    for number, row in enumerate(read_lines(path), 1):
        kinds = {field.name: field.type for field in fields(Answer)}
        if {name: type(value) for name, value in row.items()} != kinds:
            raise DamagedData(
                f"{path}: line {number} is not an answer from the study page; mend this line"
            )
        answer = Answer(**row)
        last[answer.rater, answer.clip] = answer
    return list(last.values())


def left(order: Iterable[Clip], *, answers: Iterable[Answer], rater: str) -> list[Clip]:
    """The clips, in this order, that the rater has not rated yet."""
    done = {answer.clip for answer in answers if answer.rater == rater}
    return [clip for clip in order if clip.name not in done]
