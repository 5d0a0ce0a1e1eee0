"""The command line. It starts fast: each command imports what it needs when it runs.

`COMMANDS` are also the analysis commands of `physscale`. Exit codes: 0 done, 1 a broken promise of
`selftest`, 2 wrong input, 5 damaged files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import typer

from analysis.commands.about import example, laws, selftest
from analysis.commands.bands import bands
from analysis.commands.compare import compare
from analysis.commands.fit import fit
from analysis.commands.frontier import frontier, next_runs
from analysis.commands.gallery import gallery
from analysis.commands.plot import plot
from analysis.commands.report import figures, report
from analysis.commands.verdict import verdict
from physscale.records.command_line import run_app


@dataclass(frozen=True)
class Command:
    """A command: its name, its function, and example calls without the program's name."""

    name: str
    run: Callable[..., int | None]
    examples: tuple[str, ...]

    def epilog(self, program: str) -> str:
        """The examples, as the help shows them."""
        return f"Examples: {'; '.join(f'`{program} {example}`' for example in self.examples)}."


_RUNS = "runs.csv --response loss --axes"

COMMANDS = (
    Command(
        "report",
        report,
        ("report results/quickstart", f"report {_RUNS} N=params,D=tokens --split split --pdf"),
    ),
    Command("figures", figures, ("figures results/quickstart --out figures",)),
    Command(
        "fit",
        fit,
        (
            f"fit {_RUNS} N=params,D=tokens --law power-nd --split split --json",
            f'fit {_RUNS} N,D --where "excluded == 0" --bootstrap 4000 --draws draws.parquet',
        ),
    ),
    Command(
        "verdict",
        verdict,
        ("verdict runs.csv --response velocity_error --axes N,D --split split",),
    ),
    Command(
        "frontier",
        frontier,
        (f"frontier {_RUNS} N,D --flops-column flops --budgets 1e19,1e20",),
    ),
    Command(
        "next",
        next_runs,
        (f"next {_RUNS} N,D --parameter beta --budget 1e21 --out next.json",),
    ),
    Command("compare", compare, (f"compare {_RUNS} x=params --laws power-zero,power",)),
    Command("bands", bands, ("bands draws.parquet --at N=1e9,D=1e10",)),
    Command("plot", plot, (f"plot {_RUNS} N,D --out figures --width single",)),
    Command("gallery", gallery, ("gallery --data published --out build/gallery",)),
    Command(
        "selftest",
        selftest,
        ("selftest", "selftest --full --out promises.md", "selftest --public tables/"),
    ),
    Command("example", example, ("example --json",)),
    Command("laws", laws, ("laws",)),
)

app = typer.Typer(
    help="Scaling laws of a study or of any table of runs: verdicts, fits, frontiers, figures, "
    "one HTML report.",
    epilog="Exit codes: 0 done, 1 a broken promise of `selftest`, 2 wrong input, 5 damaged files.",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in COMMANDS:
    app.command(_command.name, epilog=_command.epilog("python -m analysis"))(_command.run)


def main(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit code."""
    return run_app(app, arguments)
