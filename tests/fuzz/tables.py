"""Tables of runs: CSV, Parquet and Arrow, of any origin."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.data.table import Reading, read_runs

CSV = """N,D,loss,split,seed,flops
1000,100,"1,234.5",id,0,6e5
10K,1e3,0.25,ood,1,6e7
1M,100,12%,,,
"""


def seeds() -> list[bytes]:
    table = pa.table(
        {
            "N": [1, 2**60],
            "D": pa.array(["10", "1K"]).dictionary_encode(),
            "loss": [0.5, None],
            "split": ["id", "ood"],
            "seed": [True, False],
            "flops": pa.array([1.5, 2.5], pa.float32()),
        }
    )
    sinks = [io.BytesIO() for _ in range(3)]
    pq.write_table(table, sinks[0])
    for sink, new in zip(sinks[1:], (pa.ipc.new_file, pa.ipc.new_stream), strict=True):
        with new(sink, table.schema) as writer:
            writer.write_table(table)
    plain = CSV.replace('"1,234.5"', "1234.5").replace("12%", "0.1")
    others = [plain.replace(",", ";").encode("utf-16"), plain.replace(",", "\t").encode("latin-1")]
    return [CSV.encode(), *others, *(sink.getvalue() for sink in sinks)]


def read(data: bytes, folder: Path) -> None:
    file = folder / "runs.csv"
    file.write_bytes(data)
    read_runs(
        file,
        response="loss",
        axes={"N": "N", "D": "D"},
        split="split",
        seed="seed",
        flops="flops",
        reading=Reading(percent="read"),
    )
