"""The README's table of rooms is the order that import-linter enforces."""

import re
import tomllib

from tests.paths import ROOT


def test_the_table_of_rooms_is_the_order_of_imports() -> None:
    (layers,) = [
        contract["layers"]
        for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
            "importlinter"
        ]["contracts"]
        if contract["type"] == "layers"
    ]
    enforced = [{*re.findall(r"physscale\.(\w+)", layer)} for layer in layers]
    rows = re.findall(r"^\| (\d+) \| \[?`physscale/(\w+)`", (ROOT / "README.md").read_text(), re.M)
    shown = [{room for number, room in rows if int(number) == layer + 1} for layer in range(10)]
    assert [{"__main__"}, *shown] == enforced


def test_every_subpackage_is_in_the_table() -> None:
    rooms = {path.parent.name for path in (ROOT / "physscale").glob("*/__init__.py")}
    listed = {
        *re.findall(r"^\| \d+ \| \[?`physscale/(\w+)`", (ROOT / "README.md").read_text(), re.M)
    }
    assert listed == rooms
