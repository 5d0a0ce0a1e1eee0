"""Mutation testing: do the tests of a module notice when it is changed? `make mutants`.

pytest collects the fast tests of a part once. Each mutant runs in a fork of that process, in which
the code of one function is exchanged. It is killed by the first test that fails, or when it takes
`MOST_CPU_S` or `MOST_S`. The table goes to `tests/mutants/README.md`, survivors to the screen."""

import argparse
import gc
import os
import random
import resource
import signal
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.mutate import Mutant, mutants
from tests.mutants.parts import PARTS, Part
from tests.paths import ROOT

MOST_CPU_S, MOST_S = 10, 120
MARK = "<!-- written by make mutants -->"
TABLE = Path(__file__).parent / "README.md"


def main() -> int:
    given = argparse.ArgumentParser()
    given.add_argument("only", nargs="*", metavar="PART", help=" ".join(PARTS))
    given.add_argument("--most", type=int, default=10**9, help="so many of each module, drawn")
    asked = given.parse_args()
    for name in asked.only or PARTS:
        part = PARTS[name]
        child = os.fork()  # each part collects its tests in a process of its own
        if not child:
            options = ["-q", "-p", "no:cacheprovider", "-k", f"not ({part.without})"]
            os._exit(
                int(pytest.main([*options, *part.tests], plugins=[Mutating(part, asked.most)]))
            )
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, f"{name} did not run"
    return 0


@dataclass
class Mutating:
    """In the place of pytest's loop over tests: all tests, once for each mutant."""

    part: Part
    most: int
    items: list[pytest.Item] = field(default_factory=list)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = sorted(session.items, key=lambda item: hasattr(item.obj, "hypothesis"))  # type: ignore[attr-defined]
        assert not self.killed(session), "the tests fail without a change"
        write({module: self.row(session, module) for module in self.part.modules})
        return True

    def row(self, session: pytest.Session, module: str) -> str:
        """The module's line in the table; survivors are printed."""
        source, ours = (ROOT / module).read_text(), functions_of(str(ROOT / module))
        assert ours, f"no test imports {module}"
        every = [
            (mutant, code)
            for mutant in mutants(source)
            if (code := changed_function(source, mutant)) is not None
        ]
        drawn = sorted(random.Random(0).sample(range(len(every)), min(self.most, len(every))))
        count = {"killed": 0, "equivalent": 0, "survived": 0}
        for number in drawn:
            mutant, code = every[number]
            written = source.splitlines()[mutant.line - 1].strip()
            if (module, written, mutant.after) in EQUIVALENT:
                count["equivalent"] += 1
            elif self.killed(session, code=code, among=ours):
                count["killed"] += 1
            else:
                count["survived"] += 1
                said = f"{module}:{mutant.line}: {mutant.before}  ->  {mutant.after}"
                print(said, file=sys.__stderr__, flush=True)
        share = count["killed"] / max(1, len(drawn) - count["equivalent"])
        figures = [len(every), len(drawn), *count.values()]
        return f"| `{module}` | {' | '.join(map(str, figures))} | {share:.0%} |"

    def killed(
        self,
        session: pytest.Session,
        *,
        code: types.CodeType | None = None,
        among: Sequence[types.FunctionType] = (),
    ) -> bool:
        """Whether a test fails with this code in the place of the function's own."""
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(MOST_S)
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
        for function in among:
            if code is not None and function.__code__.co_qualname == code.co_qualname:
                function.__code__ = code
        for item, following in zip(self.items, [*self.items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.testsfailed:
                os._exit(1)
        os._exit(0)


def changed_function(source: str, mutant: Mutant) -> types.CodeType | None:
    """The code of the function that differs; None where a value of the module does."""
    before, after = functions(source), functions(mutant.source)
    return next((code for name, code in after.items() if code != before.get(name)), None)


def functions(source: str) -> dict[str, types.CodeType]:
    """The code of every function and method, by its qualified name."""
    unparsed = compile(Mutant.plain(source), "module", "exec")
    found, scopes = {}, [unparsed]
    while scopes:
        for code in scopes.pop().co_consts:
            if isinstance(code, types.CodeType):
                inside = code.co_flags & 0x2  # CO_NEWLOCALS: a function; a class body has none
                if inside:
                    found[code.co_qualname] = code
                else:
                    scopes.append(code)
    return found


def functions_of(path: str) -> list[types.FunctionType]:
    """Every function of a file that is alive, decorated or not."""
    found = [each for each in gc.get_objects() if isinstance(each, types.FunctionType)]
    return [each for each in found if each.__code__.co_filename == path]


def write(rows: dict[str, str]) -> None:
    """Put the lines into the table and on the screen. Lines of modules that did not run stay as
    they are, and so does that of a larger draw from as many mutants."""
    words, _, table = TABLE.read_text().partition(MARK)
    old = {line.split("`")[1]: line for line in table.splitlines() if "`" in line}
    print(*rows.values(), sep="\n", file=sys.__stderr__, flush=True)
    rows = {module: line for module, line in rows.items() if _counts(line, old.get(module))}
    head = "| module | mutants | tried | killed | equivalent | survived | killed of the rest |"
    lines = [head, "|---" + "|---:" * 6 + "|", *dict(sorted((old | rows).items())).values()]
    TABLE.write_text(f"{words}{MARK}\n\n" + "\n".join(lines) + "\n")


def _counts(new: str, old: str | None) -> bool:
    """Whether a line takes the place of one that is there."""
    if old is None:
        return True
    (mutants_new, tried_new), (mutants_old, tried_old) = (
        [int(cell) for cell in line.split("|")[2:4]] for line in (new, old)
    )
    return mutants_new != mutants_old or tried_new >= tried_old


if __name__ == "__main__":
    sys.exit(main())
