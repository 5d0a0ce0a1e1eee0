"""`physscale calibrate-device`: what this machine's device does in a second, for plans."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from physscale.cli.options import MachineFile, Results
from physscale.cli.terminal import console
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError
from physscale.records.spec import plain
from physscale.records.store import write_atomic
from physscale.scheduling.gpus import checked
from physscale.scheduling.machine_file import read_machine
from physscale.study.devices import DEVICE_FILE

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="A .json file; else device.json of the results."),
]


def calibrate_device(
    machine: MachineFile = None,
    results: Results = Path("results"),
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Measure what this machine's GPU, or its CPU, does in a second, for `plan --device`.

    Products by width and precision, attention, convolutions, bandwidth, and the time to start an
    operation: about a minute. The machine file says whether it is the GPU, and how many threads a
    run has."""
    path = out or results / DEVICE_FILE
    if path.suffix != ".json":
        raise UserError(f"--out {path}: must end in .json")
    chosen = read_machine(machine)
    device = checked(chosen.device())
    from physscale.study.calibrate_device import Calibration  # torch: seconds

    calibration = Calibration(device=device, threads=chosen.threads)
    with Progress(console=console(as_json=True), transient=True) as bar:
        task = bar.add_task("", total=Calibration.COUNT)
        for what in calibration.measure():
            bar.update(task, advance=1, description=what)
    rates = calibration.rates
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(plain(rates), indent=1).encode())
    if as_json:
        print_json({"file": str(path), "device": plain(rates)})
        return
    assert rates.bf16 is not None
    for words in (
        f"{rates.name}, {chosen.threads} threads" if device == "cpu" else rates.name,
        f"products, float32: {_by_width(rates.fp32.by_width)}",
        f"products, bfloat16: {_by_width(rates.bf16.by_width)}",
        f"attention: {rates.fp32.attention:.3g} and {rates.bf16.attention:.3g} FLOP/s",
        f"convolutions: {rates.fp32.convolutions:.3g} and {rates.bf16.convolutions:.3g} FLOP/s",
        f"pointwise: {rates.bytes_per_s / 1e9:.3g} GB/s; "
        f"an operation starts in {1e6 * rates.operation_s:.3g} us",
        f"{path}: physscale plan STUDY --device {path}",
    ):
        typer.echo(words)


def _by_width(rates: tuple[tuple[int, float], ...]) -> str:
    said = ", ".join(f"{rate:.3g} at {width}" for width, rate in rates)
    return f"{said} FLOP/s"
