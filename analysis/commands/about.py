"""What the analysis offers and promises: `laws`, `example`, `selftest`."""

from pathlib import Path
from typing import Annotated

import typer

from physscale.records.command_line import AsJson, print_json

_FULL_WORLDS = (1000, 10_000, 2000, 200)
_SHORT_WORLDS = (12, 60, 60, 4)


def laws() -> None:
    """Every law with its formula and source."""
    from analysis.laws.curve import Curve
    from analysis.laws.law import Law
    from analysis.laws.registry import CURVES, LAWS

    known: list[Law | Curve] = [*LAWS.entries().values(), *CURVES.entries().values()]
    for law in known:
        print(law.name)
        print(f"  {law.formula}")
        print(f"  axes: {', '.join(law.axes) or 'none'}")
        print(f"  domain: {law.domain}")
        print(f"  needs: {law.identifiable}")
        print(f"  source: {law.source}")


def example(*, as_json: AsJson = False) -> None:
    """The paper's own numbers, fitted, with verdicts."""
    from analysis.examples.kang2024_fits import as_lines, as_object

    if as_json:
        print_json(as_object())
    else:
        print("\n".join(as_lines()))


def selftest(
    *,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Enough simulated tables to tell 95 % from 92 % (takes minutes)."
        ),
    ] = False,
    public: Annotated[
        Path | None,
        typer.Option(
            "--public",
            help="A folder of published tables (docs/how-to/public-tables.md): only compare their "
            "published answers with ours.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Also write the tables to this Markdown file.")
    ] = None,
) -> int:
    """Does the estimator keep its promises? Plants laws and counts how often it is right (30 s).

    Exit code 1 where a rate misses its target by more than twice the Monte Carlo error, or a
    published answer lies outside our interval."""
    text, held = _planted(full=full) if public is None else _published(public)
    print(text)
    if out is not None:
        from physscale.records.store import write_atomic

        write_atomic(out, f"{text}\n".encode())
    return 0 if held else 1


def _planted(*, full: bool) -> tuple[str, bool]:
    from analysis.commands.selftest import report, run
    from analysis.commands.selftest_frontier import SWEEPS, frontier_rates
    from analysis.commands.selftest_shapes import shape_lines, shape_rates, shape_table

    coverage, errors, power, tables = _FULL_WORLDS if full else _SHORT_WORLDS
    rates, table = run(worlds=coverage, verdict_worlds=errors, power_worlds=power)
    shapes = list(shape_table(worlds=power))
    rates += shape_rates(shapes, worlds=power)
    rates += frontier_rates(SWEEPS if full else SWEEPS[1:2], worlds=tables)
    text = "\n".join([*report(rates, table), "", *shape_lines(shapes)])
    return text, all(rate.held for rate in rates)


def _published(folder: Path) -> tuple[str, bool]:
    from analysis.commands.selftest_public import answer_lines, answers

    found = list(answers(folder))
    return "\n".join(answer_lines(found)), all(row.inside for row in found)
