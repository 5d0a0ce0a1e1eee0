"""PHYRE's child with one lie: `PHYRE_LIE` says which, and a file named by `PHYRE_LIED` remembers
that it was told (empty: always lie)."""

import importlib.util
import os
import sys
from pathlib import Path

CHILD = Path(__file__).parents[2] / "physscale" / "simulate" / "phyre" / "child.py"
specification = importlib.util.spec_from_file_location("child", CHILD)
child = importlib.util.module_from_spec(specification)
specification.loader.exec_module(child)
honest, true_answer = child.batch_of, child.Phyre.answer
PIPE = os.dup(1)
LIE, TOLD = os.environ["PHYRE_LIE"], os.environ["PHYRE_LIED"]


def lies() -> bool:
    if TOLD and os.path.exists(TOLD):
        return False
    if TOLD:
        Path(TOLD).touch()
    return True


def batch_of(pyarrow, schema, codec, line, phyre):  # noqa: ANN001, ANN201
    if LIE in ("start", "frames") or not lies():
        return honest(pyarrow, schema, codec, line=line, phyre=phyre)
    if LIE == "form":
        return honest(pyarrow, schema, codec, line=line, phyre=phyre).slice(0, 0)
    if LIE == "rows":
        return pyarrow.concat_batches([honest(pyarrow, schema, codec, line=line, phyre=phyre)] * 2)
    if LIE in ("garbage", "truncated"):
        return broken(pyarrow, schema, honest(pyarrow, schema, codec, line=line, phyre=phyre))
    if LIE == "request":
        return honest(pyarrow, schema, codec, line=line + b" ", phyre=phyre)
    columns = dict(
        zip(  # noqa: B905 - Python 3.9
            schema.names, honest(pyarrow, schema, codec, line=line, phyre=phyre).columns
        )
    )
    pose = columns["pose"][0].as_py()
    columns["pose"] = pyarrow.array([[pose[0] + 1.0, *pose[1:]]], schema.field("pose").type)
    return pyarrow.record_batch(list(columns.values()), schema=schema)


def broken(pyarrow, schema, batch):  # noqa: ANN001, ANN201
    """Writes noise, or the first half of the answer, to the pipe itself, past the stream, and
    dies."""
    whole = batch.serialize().to_pybytes()
    os.write(PIPE, b"garbage" * 600 if LIE == "garbage" else whole[: len(whole) // 2])
    os._exit(0)


def answer(self, request):  # noqa: ANN001, ANN201
    start, pose, velocity, images, occluded = true_answer(self, request)
    if LIE == "start" and lies():
        start = start + 0.01
    if LIE == "frames" and lies():
        pose = pose[:-1]
    return start, pose, velocity, images, occluded


child.batch_of, child.Phyre.answer = batch_of, answer
child.main(int(sys.argv[1]))
