"""The shape of the house: what no linter checks."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

from physscale.records.errors import UserError
from tests.paths import ROOT

LINES_AT_MOST = 300
SOURCES = sorted(
    path
    for room in ("physscale", "analysis", "experiments", "tests")
    for path in (ROOT / room).rglob("*.py")
)
IN_LIBRARY = [
    path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("physscale", "analysis")
]

TOKENS_AT_MOST = 2000
"""A page of 300 lines with more is a page of chains: measured over both packages, the median file
has 700 tokens and nine of ten have fewer than 1,600."""

IN_MANY_ROOMS = {
    "built_in": "registers the kinds of a protocol that the package brings",
    "encode": "the latents of training videos: the command, one unit, its Ray jobs",
    "fit": "parameters fitted to data: the command, the estimator, tracks to a motion",
    "gap": "the study of a gap between trained speeds: scenario, figure, demonstration",
    "registry": "the kinds of a protocol by name, or their common class",
    "score": "scores of runs: the command, of finished runs, of the run at hand",
    "spec": "a room's configuration as values: no torch, no Ray",
    "tables": "tables of results on disk or on a page",
    "tune": "the search for rates: the command, the study, its Ray jobs",
}
"""Stems in more than two rooms, and why the name means the same in each."""


ENDLESS = {"cache", "functools.cache", "functools.lru_cache(maxsize=None)"}
"""Caches that forget nothing."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_fits_one_look(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= LINES_AT_MOST, f"{name(path)} has {lines} lines: is there a second noun in it?"


EMPTY = [
    path
    for path in SOURCES
    if path.name == "__init__.py" and path != ROOT / "physscale" / "__init__.py"
]
"""All but the one that offers the public names, each imported when it is used."""


@pytest.mark.parametrize("path", EMPTY, ids=name)
def test_init_files_are_empty(path: Path) -> None:
    assert not path.read_text().strip(), (
        "a re-export here would pull torch and ray into every import"
    )


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name != "__init__.py"], ids=name)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert path.read_text().lstrip().startswith('"""'), f"{name(path)} opens without a docstring"


UNPICKLE = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
READ_PICKLES = {"torch.load", "np.load", "numpy.load", "pd.read_pickle", "pandas.read_pickle"}


def test_nothing_unpickles_in_the_library() -> None:
    """Checkpoints are safetensors and JSON. Foreign weights are plain tensors alone."""
    for path in IN_LIBRARY:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not UNPICKLE & {alias.name for alias in node.names}, name(path)
            if isinstance(node, ast.ImportFrom):
                assert node.module not in UNPICKLE, name(path)
            if isinstance(node, ast.keyword):
                assert node.arg != "allow_pickle", name(path)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in READ_PICKLES:
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert given.get("weights_only") == "True", name(path)


def test_programs_in_files_are_run_for_one_metric_alone() -> None:
    """TorchScript is a program, and SECURITY.md says so."""
    runners = {name(path) for path in IN_LIBRARY if "torch.jit.load" in path.read_text()}
    assert runners == {"physscale/evaluate/frames/fvd.py"}


def test_json_is_parsed_where_nesting_without_end_is_refused() -> None:
    """`json.loads` raises RecursionError, which no reader of a file expects."""
    readers = {
        name(path)
        for path in IN_LIBRARY
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.loads", "json.load")
    }
    own = "physscale/simulate/phyre/child.py"  # without the package, on its parent's lines
    assert readers == {"physscale/records/json_value.py", own}


def test_no_message_advises_to_delete_a_file() -> None:
    """It may be a file of somebody else. What is ours is mended by the command that wrote it."""
    refusals = {kind.__name__ for kind in (UserError, *UserError.__subclasses__())}
    for path in IN_LIBRARY:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in refusals:
                words = set(re.findall(r"[a-z]+", ast.unparse(node).lower()))
                assert not words & {"delete", "remove"}, f"{name(path)} line {node.lineno}"


def test_the_package_holds_rooms_and_no_loose_modules() -> None:
    loose = {path.name for path in (ROOT / "physscale").glob("*.py")}
    assert loose == {"__init__.py", "__main__.py"}


def test_no_stem_is_in_more_than_two_rooms_without_a_reason() -> None:
    rooms: dict[str, set[Path]] = {}
    for path in IN_LIBRARY:
        if path.stem not in ("__init__", "__main__"):
            rooms.setdefault(path.stem, set()).add(path.parent)
    many = {stem for stem, folders in rooms.items() if len(folders) > 2}
    assert many == set(IN_MANY_ROOMS)


def tokens(text: str) -> int:
    """How much there is to read: tokens of the code without comments and docstrings."""
    skipped = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    said = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        for line in range(node.lineno, (node.end_lineno or 0) + 1)
    }
    return sum(
        token.type not in skipped and token.start[0] not in said
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
    )


@pytest.mark.parametrize("path", IN_LIBRARY, ids=name)
def test_a_file_is_light_enough_to_read(path: Path) -> None:
    count = tokens(path.read_text())
    assert count <= TOKENS_AT_MOST, (
        f"{name(path)} has {count} tokens: what in it needs a second read?"
    )


@pytest.mark.parametrize("path", IN_LIBRARY, ids=name)
def test_no_cache_of_files_grows_for_ever(path: Path) -> None:
    """A set has thousands of shards, and a process may read many sets."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and any(
            ast.unparse(mark) in ENDLESS for mark in node.decorator_list
        ):
            asked = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
            assert not {"path", "file", "folder", "unit"} & set(asked), f"{name(path)}: {node.name}"
