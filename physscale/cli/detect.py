"""`physscale detect`, `calibrate-detector`, `compare-videos`: find abnormal videos, and compare
frames or whole sets with true ones.

```
physscale detect samples.arrow            abnormal or not, rule by rule; or the folder of a data set
physscale calibrate-detector --table build/detector.md        how far it can be trusted
physscale compare-videos truth.arrow samples.arrow --fvd-weights i3d_torchscript.pt
```
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from physscale.dataset.source import open_source
from physscale.evaluate.abnormal.detector import Detections
from physscale.evaluate.abnormal.detector import detect as detect_videos
from physscale.evaluate.abnormal.rules import Thresholds, shipped_thresholds
from physscale.evaluate.calibration.calibrate import Calibration, calibrate, table, write_thresholds
from physscale.evaluate.calibration.known_videos import CELLS
from physscale.records.command_line import AsJson, print_json
from physscale.records.errors import UserError
from physscale.records.rate import wilson
from physscale.records.store import check_place, write_atomic


def detect(
    what: Annotated[
        Path,
        typer.Argument(metavar="DIR|FILE", help="A data set or a file of videos, with frames."),
    ],
    as_json: AsJson = False,
) -> None:
    """Say which videos are abnormal, and by which rule, without a human."""
    index, found = _detected(what)
    if as_json:
        print_json(_as_object(index, found))
        return
    rate = wilson(int(found.abnormal.sum()), of=len(index))
    print(
        f"{what}: {int(found.abnormal.sum())} of {len(index)} abnormal: {_percent(rate.value)} "
        f"({_percent(rate.low)} to {_percent(rate.high)})"
    )
    for rule, flags in found.fired.items():
        worst = int(np.argmax(found.scores[rule]))
        print(
            f"  {rule:12} {int(flags.sum()):5}   threshold {found.thresholds[rule]:.3g}, "
            f"largest {found.scores[rule][worst]:.3g} in video {index[worst]}"
        )


def calibrate_detector(
    videos: Annotated[
        int, typer.Option(min=0, help="True videos per cell and range; 0 only sets thresholds.")
    ] = 300,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CELL", help="A cell: scenario and frame size, as phyre:128; may be repeated."
        ),
    ] = None,
    table_file: Annotated[
        Path | None,
        typer.Option("--table", metavar="FILE", help="Write the table here as Markdown."),
    ] = None,
    thresholds: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the thresholds here as JSON.")
    ] = None,
    set_on: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="First set thresholds on N other true videos; 0 tests the built-in thresholds.",
        ),
    ] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Number of parallel processes.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Measure how far the detector can be trusted.

    It counts false alarms on true videos, and how many corrupted ones are found."""
    for place in filter(None, (table_file, thresholds)):
        check_place(place)
    found = _calibrated(
        videos=videos,
        only=only or [],
        processes=processes,
        thresholds=set_on or shipped_thresholds(),
    )
    _keep(found, table_file=table_file, thresholds=thresholds, as_json=as_json)


def _as_object(index: np.ndarray, found: Detections) -> dict[str, Any]:
    """The detections as JSON values."""
    videos = []
    for row, number in enumerate(index.tolist()):
        fired = [rule for rule, flags in found.fired.items() if flags[row]]
        videos.append({"index": number, "abnormal": fired})
    scores = {}
    for rule, values in found.scores.items():
        scores[rule] = [float(f"{value:.6g}") for value in values]
    return {
        "rate": dataclasses.asdict(wilson(int(found.abnormal.sum()), of=len(index))),
        "rules": {rule: int(flags.sum()) for rule, flags in found.fired.items()},
        "thresholds": dict(found.thresholds),
        "videos": videos,
        "scores": scores,
    }


def _detected(path: Path) -> tuple[np.ndarray, Detections]:
    """Numbers and detections of all rows, read part by part: a data set need not fit in memory."""
    parts, done = [], 0
    for part in open_source(path).parts():
        parts.append((part.index, detect_videos(part)))
        done += len(part)
        if len(parts) > 1:
            _progress(f"{done} videos")
    return np.concatenate([index for index, _ in parts]), Detections.joined(
        [found for _, found in parts]
    )


def compare_videos(
    truth: Annotated[
        Path, typer.Argument(metavar="TRUE", help="A file or data set of true videos with frames.")
    ],
    samples: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of generated videos of the same rows.")
    ],
    lpips_weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="For LPIPS: torchvision's AlexNet, VGG-16 or SqueezeNet."
        ),
    ] = None,
    fvd_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For FVD: StyleGAN-V's i3d_torchscript.pt.")
    ] = None,
    fvd_sha256: Annotated[
        str, typer.Option(metavar="HEX", help="SHA-256 that the FVD file must have.")
    ] = "",
    frames: Annotated[int, typer.Option(help="FVD uses this many frames from the start.")] = 16,
    as_json: AsJson = False,
) -> None:
    """Compare generated frames with true ones, and the two sets with each other.

    Frames by SSIM, PSNR, ST-LPIPS and LPIPS; the sets by Fréchet distances."""
    from physscale.evaluate.frames.fvd import video_network
    from physscale.evaluate.frames.likeness import Networks, compare
    from physscale.evaluate.frames.perceptual import lpips

    networks = Networks(
        lpips=None if lpips_weights is None else lpips(lpips_weights),
        fvd=None if fvd_weights is None else video_network(fvd_weights, sha256=fvd_sha256),
        frames=frames,
    )
    found = compare(open_source(truth), fake=open_source(samples), networks=networks)
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        print(f"{name:24} {value:.6g}" if isinstance(value, float) else f"{name:24} {value}")


def _calibrated(
    *, videos: int, only: list[str], processes: int, thresholds: Thresholds | int
) -> Calibration:
    cells = {f"{cell.scenario}:{cell.size_px}": cell for cell in CELLS}
    unknown = [name for name in only if name not in cells]
    if unknown:
        raise UserError(f"--only {unknown[0][:40]}: use one of {', '.join(cells)}")
    if not videos and isinstance(thresholds, dict):
        raise UserError(
            "--videos 0 tests nothing and sets nothing: give --set-on N too, or some videos"
        )
    chosen = tuple(cells[name] for name in only) if only else CELLS
    return calibrate(
        chosen, videos=videos, thresholds=thresholds, processes=processes, tell=_progress
    )


def _keep(
    found: Calibration, *, table_file: Path | None, thresholds: Path | None, as_json: bool
) -> None:
    if table_file is not None:
        write_atomic(table_file, (table(found) + "\n").encode())
    if thresholds is not None:
        write_thresholds(found.thresholds, path=thresholds)
    rates = {
        f"{kind} | {cell}": dataclasses.asdict(rate) for (kind, cell), rate in found.rates.items()
    }
    if as_json:
        print_json({"thresholds": found.thresholds, "rates": rates})
    else:
        print(table(found))


def _progress(line: str) -> None:
    typer.echo(line, err=True)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
