"""The command line: `physscale plan | run | submit | tune | status | metrics | logs | diff | retry
| gc | doctor`, and commands of data.

One line an error, one exit code a kind of error:

0 done · 1 some runs failed · 2 wrong key, value, name or folder · 3 held by another driver · 4
cannot be scheduled · 5 damaged data · 6 the cluster fell silent · 130, 143 ended by Ctrl-C,
SIGTERM. Nothing here imports torch or Ray before there is something to run."""

import sys

import typer

from physscale.cli.data import check, show, simulate
from physscale.cli.detect import calibrate_detector, compare, detect
from physscale.cli.encode import encode_command
from physscale.cli.evaluate import evaluate
from physscale.cli.mirror import pull, push
from physscale.cli.phyre import phyre
from physscale.cli.probe import probe
from physscale.cli.raters import study_page
from physscale.cli.run import plan_command, run_command
from physscale.cli.status import diff_command, logs_command, metrics_command, status_command
from physscale.cli.submit import submit_command
from physscale.cli.tracking import dashboard, sync
from physscale.cli.tune import tune_command
from physscale.cli.upkeep import doctor_command, gc_command, retry_command
from physscale.records.command_line import run_app

app = typer.Typer(
    help="Does a video model learn the law, or the cases? Plan, run and watch scaling studies of "
    "physics videos.",
    epilog="First steps: `physscale plan quickstart`, `physscale run quickstart`, `python -m "
    "analysis report results/quickstart`. "
    "`physscale --install-completion` completes commands, studies and keys in your shell. "
    "Exit codes: 0 done, 1 some runs failed, 2 wrong input, 3 held by another driver, 4 cannot be "
    "scheduled, 5 damaged data, "
    "6 the cluster fell silent, 130 and 143 stopped.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    sys.exit(run_app(app, sys.argv[1:] if arguments is None else arguments))


def run_as_module(name: str) -> None:
    """`python -m experiments.NAME ...` is `physscale run NAME ...`."""
    main(["run", name, *sys.argv[1:]])


_COMMANDS = (
    (
        "plan",
        plan_command,
        "physscale plan quickstart",
        "physscale plan quickstart train.steps=200 --budget 1e12 --json",
    ),
    (
        "run",
        run_command,
        "physscale run quickstart",
        "physscale run quickstart --only pairs train.steps=200 --backend plain",
    ),
    (
        "submit",
        submit_command,
        "physscale submit quickstart --address http://127.0.0.1:8265 --results /shared/results",
        "physscale submit --job quickstart-1a2b3c4d",
    ),
    (
        "encode",
        encode_command,
        "physscale encode spatial --dry-run",
        "physscale encode spatial --only vae --workers 2 --json",
    ),
    (
        "tune",
        tune_command,
        "physscale tune motion --trials 16",
        "physscale tune motion --only size --sizes 2 --dry-run",
    ),
    ("status", status_command, "physscale status quickstart", "physscale status quickstart --json"),
    (
        "metrics",
        metrics_command,
        "physscale metrics quickstart",
        "physscale metrics quickstart 4f2a --json",
    ),
    ("logs", logs_command, "physscale logs quickstart --follow", "physscale logs quickstart 4f2a"),
    ("diff", diff_command, "physscale diff 4f2a 9c1b", "physscale diff 4f2a 9c1b --json"),
    (
        "retry",
        retry_command,
        "physscale retry quickstart --only failed",
        "physscale retry quickstart 4f2a --only diverged --dry-run",
    ),
    ("gc", gc_command, "physscale gc quickstart --dry-run", "physscale gc quickstart"),
    (
        "sync",
        sync,
        "physscale sync quickstart",
        "WANDB_API_KEY=... physscale sync quickstart --json",
    ),
    (
        "dashboard",
        dashboard,
        "physscale dashboard quickstart",
        "WANDB_ENTITY=me physscale dashboard quickstart --publish",
    ),
    (
        "push",
        push,
        "physscale push quickstart s3://bucket/results",
        "physscale push quickstart s3://bucket/results --every 60",
    ),
    (
        "pull",
        pull,
        "physscale pull quickstart s3://bucket/results",
        "physscale pull quickstart gs://bucket/results --json",
    ),
    ("doctor", doctor_command, "physscale doctor", "physscale doctor --json"),
    (
        "simulate",
        simulate,
        "physscale simulate collision --videos 30000 --out data/collision",
        "physscale simulate uniform --out data/u --size 128",
    ),
    ("show", show, "physscale show ambiguous_gap", "physscale show collision --videos 6"),
    (
        "check",
        check,
        "physscale check data/collision",
        "physscale check data/collision --against data/judge",
    ),
    (
        "evaluate",
        evaluate,
        "physscale evaluate samples.arrow",
        "physscale evaluate out/*.mp4 --truth uniform_motion_eval.hdf5 --protocol paper --json",
    ),
    (
        "detect",
        detect,
        "physscale detect samples.arrow",
        "physscale detect samples.arrow --json",
    ),
    (
        "calibrate-detector",
        calibrate_detector,
        "physscale calibrate-detector --videos 100 --only parabola:32",
        "physscale calibrate-detector --set-on 100 --thresholds thresholds.json",
    ),
    (
        "compare",
        compare,
        "physscale compare truth.arrow samples.arrow",
        "physscale compare truth.arrow samples.arrow --fvd-weights i3d_torchscript.pt",
    ),
    (
        "probe",
        probe,
        "physscale probe results/attributes --what attributes",
        "physscale probe samples.arrow --trained data/uniform --what memory --json",
    ),
    (
        "study-page",
        study_page,
        "physscale study-page results/quickstart/runs --each 5",
        "physscale study-page results/quickstart/runs --agreement --judge auto --json",
    ),
)

for _name, _command, *_examples in _COMMANDS:
    app.command(_name, epilog=f"Examples: {'; '.join(f'`{example}`' for example in _examples)}.")(
        _command
    )
app.add_typer(phyre, name="phyre")
