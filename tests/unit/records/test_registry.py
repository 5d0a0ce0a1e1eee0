"""A kind is found by the name it is written under, from a plug-in too; the unknown is one line."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

import pytest

from physscale.records.errors import UserError
from physscale.records.registry import PLUGINS, Registry
from physscale.records.spec import from_plain, plain, written_name
from physscale.simulate.scenario import Scenario
from physscale.simulate.spec import SCENARIOS
from tests.paths import ROOT


@runtime_checkable
class Shape(Protocol):
    """What the kinds of this test have in common."""

    @property
    def area(self) -> float: ...


SHAPES: Registry[type] = Registry("shape", name_of=written_name, built_in=__name__, protocol=Shape)


@SHAPES.register
@dataclass(frozen=True)
class Square:
    WRITTEN_AS: ClassVar[str] = "Box"

    side: float

    @property
    def area(self) -> float:
        return self.side**2


@dataclass(frozen=True)
class Room:
    floor: Shape


def test_a_value_of_a_protocol_is_read_as_the_kind_that_was_written() -> None:
    room = Room(Square(2.0))
    assert plain(room)["floor"] == {"type": "Box", "side": 2.0}
    assert from_plain(Room, plain(room)) == room


def test_the_unknown_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=f"shape 'Circle' is unknown; there are Box; .*{PLUGINS}"):
        from_plain(Room, {"type": "Room", "floor": {"type": "Circle"}})


def test_two_kinds_of_one_name_are_our_own_mistake() -> None:
    @dataclass(frozen=True)
    class Box:
        side: float

    with pytest.raises(AssertionError, match="two kinds of shape named 'Box'"):
        SHAPES.register(Box)


def test_a_plugin_that_is_no_module_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLUGINS, "no_such_package.pendulum")
    with pytest.raises(UserError, match=f"{PLUGINS}='no_such_package.pendulum': No module named"):
        SHAPES.named("Box")


PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from physscale.records.scene import Scene
from physscale.simulate.scenario import Scenario
from physscale.simulate.spec import SCENARIOS

@SCENARIOS.register
@dataclass(frozen=True)
class Elsewhere(Scenario):
    name: ClassVar[str] = "elsewhere"
    physics: ClassVar[str] = "free_discs"
    engines = ("analytic",)
    def draw(self, rng):
        return Scene(bodies=())
    def still(self):
        return self
"""


def test_a_scenario_that_declares_no_physics_is_refused() -> None:
    class Mute(Scenario):
        name: ClassVar[str] = "mute"

    with pytest.raises(UserError, match="scenario Mute: declares no physics; write physics"):
        SCENARIOS.register(Mute)


def test_a_scenario_of_a_plugin_is_found_by_a_fresh_process(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(PLUGIN)
    code = (
        "from physscale.simulate.scenarios.registry import scenario_named as n; "
        "print(n('elsewhere'))"
    )
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", PLUGINS: "elsewhere"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "Elsewhere()"
