"""A machine file of `cluster/`: YAML with the fields of `scheduling.resources.Machine`, read
strictly."""

from pathlib import Path
from typing import Any, get_type_hints

import yaml
from omegaconf import OmegaConf

from physscale.records.errors import UserError, printable
from physscale.records.given_file import read_given
from physscale.records.nearest import nearest
from physscale.records.typed_value import typed
from physscale.scheduling.resources import Machine

_LARGEST_BYTES = 100_000
_DEEPEST = 8
"""Lists within lists; the parser in C that OmegaConf takes overflows the stack at thousands."""


def read_machine(path: Path | None) -> Machine:
    """The machine that a file describes; without a file, the built-in `local`.

    Raises:
        UserError: for a file that cannot be read, a wrong key or a wrong value.
    """
    if path is None:
        return Machine()
    given = _words(read_given(path, what="machine file", at_most=_LARGEST_BYTES), path=path)
    if not isinstance(given, dict):
        raise UserError(f"machine file {path}: must be a list of KEY: VALUE")
    known = get_type_hints(Machine)
    values = {}
    for key, word in given.items():
        if key not in known:
            raise UserError(
                f"machine file {path}: no key {str(key)[:40]!r}; {nearest(str(key), list(known))}"
            )
        try:
            values[key] = typed(word, declared=known[key])
        except ValueError as error:
            raise UserError(f"machine file {path}: {key}={str(word)[:40]}: {error}") from error
    return Machine(**values)


def _words(text: bytes, *, path: Path) -> Any:  # noqa: ANN401 - YAML
    """What the file says, in words: YAML 1.1 would read 0100 as 64."""
    try:
        _check_depth(text)
        OmegaConf.create(text.decode())  # refuses a key given twice, and aliases without end
        given = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(
            f"machine file {path}{line}: no valid YAML: {printable(str(error.problem))[:120]}"
        ) from error
    except Exception as error:  # bad YAML raises a dozen kinds of errors
        raise UserError(
            f"machine file {path}: cannot be read as YAML ({type(error).__name__})"
        ) from error
    if given is None:
        raise UserError(f"machine file {path}: says nothing; leave --machine out for this machine")
    return given


def _check_depth(text: bytes) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.MarkedYAMLError(
                problem="lists within lists, too deep", problem_mark=event.start_mark
            )
