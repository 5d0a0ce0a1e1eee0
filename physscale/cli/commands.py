"""The commands of `physscale`, by name: the place of each, its group in `--help`, and examples.

A command's module is imported only when the command is called. The analysis keeps its own table."""

import inspect
from collections.abc import Mapping

from analysis.commands.app import COMMANDS as ANALYSIS_COMMANDS
from analysis.commands.app import Command
from physscale.cli.lazy import Listed, ListedGroup

STUDY = "Study: plan, run and watch the runs of a question"
DATA = "Data: make, show and check it"
VIDEOS = "Videos: score them, against the truth or by human raters"
CLUSTER = "Cluster: send work out, bring results back"
ANALYSIS = "Analysis: laws, verdicts and reports (also `python -m analysis`)"


def _listed(command: Command) -> Listed:
    """A command of the analysis. Its function imports nothing heavy before the call."""
    function = command.run
    summary = (inspect.getdoc(function) or "").partition("\n\n")[0]
    return Listed(
        where=f"{function.__module__}:{function.__name__}",
        panel=ANALYSIS,
        summary=" ".join(summary.split()),
        examples=tuple(f"physscale {example}" for example in command.examples),
    )


COMMANDS: Mapping[str, Listed] = {
    "plan": Listed(
        "physscale.cli.plan:plan_command",
        STUDY,
        "Show the runs of a study, what they cost, and which are done.",
        (
            "physscale plan quickstart",
            "physscale plan quickstart train.steps=200 --budget 1e12 --json",
        ),
    ),
    "calibrate-device": Listed(
        "physscale.cli.calibrate_device:calibrate_device",
        STUDY,
        "Measure what this machine's GPU, or its CPU, does in a second, for `plan --device`.",
        (
            "physscale calibrate-device",
            "physscale calibrate-device --machine cluster/gpu_node.yaml --out h100.json",
        ),
    ),
    "run": Listed(
        "physscale.cli.run:run_command",
        STUDY,
        "Execute the runs that a study still lacks.",
        (
            "physscale run quickstart",
            "physscale run quickstart --only pairs train.steps=200 --backend plain",
        ),
    ),
    "tune": Listed(
        "physscale.cli.tune:tune_command",
        STUDY,
        "Find learning rates and batch size for a few model widths (Optuna, ASHA).",
        (
            "physscale tune motion --trials 16",
            "physscale tune motion --only size --sizes 2 --dry-run",
        ),
    ),
    "encode": Listed(
        "physscale.cli.encode:encode_command",
        STUDY,
        "Encode the training videos of a study once, as Arrow files that its runs read.",
        (
            "physscale encode spatial --dry-run",
            "physscale encode spatial --only vae --workers 2 --json",
        ),
    ),
    "status": Listed(
        "physscale.cli.status:status_command",
        STUDY,
        "Show the progress of a study, from any terminal.",
        ("physscale status quickstart", "physscale status quickstart --json"),
    ),
    "metrics": Listed(
        "physscale.cli.status:metrics_command",
        STUDY,
        "Show the training history of a run; without RUN, the newest line of each.",
        ("physscale metrics quickstart", "physscale metrics quickstart 4f2a --json"),
    ),
    "logs": Listed(
        "physscale.cli.status:logs_command",
        STUDY,
        "Show which driver took which run, when, and how it ended.",
        ("physscale logs quickstart --follow", "physscale logs quickstart 4f2a"),
    ),
    "diff": Listed(
        "physscale.cli.status:diff_command",
        STUDY,
        "Show the fields in which two runs differ, old -> new.",
        ("physscale diff 4f2a 9c1b", "physscale diff 4f2a 9c1b --json"),
    ),
    "retry": Listed(
        "physscale.cli.upkeep:retry_command",
        STUDY,
        "Put failed or diverged runs back on the list; `physscale run` then takes them.",
        (
            "physscale retry quickstart --only failed",
            "physscale retry quickstart 4f2a --only diverged --dry-run",
        ),
    ),
    "gc": Listed(
        "physscale.cli.upkeep:gc_command",
        STUDY,
        "Remove files that no run needs: half-written ones, orphan and older checkpoints.",
        ("physscale gc quickstart --dry-run", "physscale gc quickstart"),
    ),
    "doctor": Listed(
        "physscale.cli.upkeep:doctor_command",
        STUDY,
        "Check that this machine can run a study and that its secrets are private.",
        ("physscale doctor", "physscale doctor --json"),
    ),
    "simulate": Listed(
        "physscale.cli.data:simulate",
        DATA,
        "Write a data set to a folder of shards; an interrupted one is continued.",
        (
            "physscale simulate collision --videos 30000 --out data/collision",
            "physscale simulate uniform --out data/u --size 128",
        ),
    ),
    "show": Listed(
        "physscale.cli.data:show",
        DATA,
        "Make a contact sheet (PNG) and an mp4 of a scenario, a file or a data set.",
        ("physscale show ambiguous_gap", "physscale show collision --videos 6"),
    ),
    "check": Listed(
        "physscale.cli.data:check",
        DATA,
        "Look for NaN, repeated, frozen, leaked and torn rows.",
        (
            "physscale check data/collision",
            "physscale check data/collision --against data/training",
        ),
    ),
    "phyre": ListedGroup(
        "physscale.cli.phyre:phyre",
        DATA,
        "Install the real PHYRE in a Python of its own, or say where it is.",
        (),
    ),
    "score": Listed(
        "physscale.cli.score:score",
        VIDEOS,
        "Score finished runs on metrics that were added later.",
        (
            "physscale score quickstart --dry-run",
            "PHYSSCALE_PLUGINS=my_metric physscale score quickstart --json",
        ),
    ),
    "evaluate": Listed(
        "physscale.cli.evaluate:evaluate",
        VIDEOS,
        "Measure the motion in videos against the truth.",
        (
            "physscale evaluate samples.arrow",
            "physscale evaluate out/*.mp4 --truth uniform_motion_eval.hdf5 --protocol paper --json",
        ),
    ),
    "detect": Listed(
        "physscale.cli.detect:detect",
        VIDEOS,
        "Say which videos are abnormal, and by which rule, without a human.",
        ("physscale detect samples.arrow", "physscale detect samples.arrow --json"),
    ),
    "calibrate-detector": Listed(
        "physscale.cli.detect:calibrate_detector",
        VIDEOS,
        "Measure how far the detector can be trusted.",
        (
            "physscale calibrate-detector --videos 100 --only parabola:32",
            "physscale calibrate-detector --videos 0 --set-on 1000 --thresholds new.json",
        ),
    ),
    "compare-videos": Listed(
        "physscale.cli.detect:compare_videos",
        VIDEOS,
        "Compare generated frames with true ones, and the two sets with each other.",
        (
            "physscale compare-videos truth.arrow samples.arrow",
            "physscale compare-videos truth.arrow samples.arrow --fvd-weights i3d_torchscript.pt",
        ),
    ),
    "probe": Listed(
        "physscale.cli.probe:probe",
        VIDEOS,
        "Probe why videos are wrong: attributes, copies, distance from training, twins, features.",
        (
            "physscale probe results/attributes --what attributes",
            "physscale probe samples.arrow --trained data/uniform --what memory --json",
        ),
    ),
    "study-page": Listed(
        "physscale.cli.raters:study_page",
        VIDEOS,
        "Let people rate videos by first impression, on a page that only this machine serves.",
        (
            "physscale study-page results/quickstart/runs --each 5",
            "physscale study-page results/quickstart/runs --agreement --detector auto --json",
        ),
    ),
    "submit": Listed(
        "physscale.cli.submit:submit_command",
        CLUSTER,
        "Run a study as a job of a Ray cluster and follow it.",
        (
            "physscale submit quickstart --address http://127.0.0.1:8265 --results /shared/results",
            "physscale submit --job quickstart-1a2b3c4d",
        ),
    ),
    "push": Listed(
        "physscale.cli.mirror:push",
        CLUSTER,
        "Copy a study to an object store: ended and stopped runs, the ledger, the tables.",
        (
            "physscale push quickstart s3://bucket/results",
            "physscale push quickstart s3://bucket/results --every 60",
        ),
    ),
    "pull": Listed(
        "physscale.cli.mirror:pull",
        CLUSTER,
        "Bring a study back from an object store.",
        (
            "physscale pull quickstart s3://bucket/results",
            "physscale pull quickstart gs://bucket/results --json",
        ),
    ),
    "sync": Listed(
        "physscale.cli.tracking:sync",
        CLUSTER,
        "Send the runs that were kept offline to W&B.",
        ("physscale sync quickstart", "WANDB_API_KEY=... physscale sync quickstart --json"),
    ),
    "dashboard": Listed(
        "physscale.cli.tracking:dashboard",
        CLUSTER,
        "Write the W&B dashboard of a study as a file, or publish it.",
        (
            "physscale dashboard quickstart",
            "WANDB_ENTITY=me physscale dashboard quickstart --publish",
        ),
    ),
} | {command.name: _listed(command) for command in ANALYSIS_COMMANDS}
