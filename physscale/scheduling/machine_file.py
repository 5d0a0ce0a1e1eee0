"""A machine file of `cluster/`: YAML with the fields of `scheduling.resources.Machine`, read
strictly."""

import dataclasses
from pathlib import Path
from typing import Literal, get_origin

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from physscale.records.errors import UserError
from physscale.records.nearest import nearest
from physscale.scheduling.resources import Machine

_LARGEST_BYTES = 100_000


def read_machine(path: Path | None) -> Machine:
    """The machine that a file describes; without a file, the built-in `local`.

    Raises:
        UserError: for a file that cannot be read, a wrong key or a wrong value.
    """
    if path is None:
        return Machine()
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise UserError(f"machine file {path}: larger than {_LARGEST_BYTES} bytes")
        given = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except OSError as error:
        raise UserError(f"machine file {path}: {error.strerror}") from error
    except UserError:
        raise
    except Exception as error:  # bad YAML raises a dozen kinds of errors
        raise UserError(
            f"machine file {path}: cannot be read as YAML ({type(error).__name__})"
        ) from error
    if not isinstance(given, dict):
        raise UserError(f"machine file {path}: must be a list of KEY: VALUE")
    known = [field.name for field in dataclasses.fields(Machine)]
    for key in given:
        if key not in known:
            raise UserError(
                f"machine file {path}: no key {str(key)[:40]!r}; {nearest(str(key), known)}"
            )
    schema = dataclasses.make_dataclass(
        "MachineFile",
        [
            (field.name, _read_as(field.type), field.default)
            for field in dataclasses.fields(Machine)
        ],
    )
    try:
        merged = OmegaConf.to_container(
            OmegaConf.merge(OmegaConf.structured(schema), given), resolve=False
        )
    except OmegaConfBaseException as error:
        raise UserError(f"machine file {path}: {error.full_key}: wrong type") from error
    return Machine(**merged)  # type: ignore[arg-type]


def _read_as(kind: object) -> object:
    """A word of a few is read as any word; `Machine` says which are allowed."""
    return str if get_origin(kind) is Literal else kind
