"""A hostile name, and answers that were planted."""

from physscale.raters.answers import Answer

HOSTILE = "<script>alert(1)<"


def planted(**flags: list[bool]) -> list[Answer]:
    return [
        Answer(f"{row}", "gone.arrow" if row < 4 else "true.arrow", row, rater, flag, 1.0, 0.0, 0)
        for rater, given in flags.items()
        for row, flag in enumerate(given)
    ]
