"""Plug-ins of the shell reach the workers of a cluster that was joined, or the join is refused."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from physscale.ray_jobs.cluster import cluster
from physscale.records.errors import UserError
from tests.ray_nodes import Nodes, ray_nodes

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """A head that was started where `there` can be imported and `here` cannot."""
    folder = tmp_path_factory.mktemp("plugins")
    for name in ("there", "here"):
        (folder / name).mkdir()
        (folder / name / f"plugin_{name}.py").write_text("MADE = 1\n")
    with pytest.MonkeyPatch.context() as patch, ray_nodes() as nodes:
        known = nodes.environment.get("PYTHONPATH", "")
        nodes.environment["PYTHONPATH"] = f"{folder / 'there'}{os.pathsep}{known}"
        nodes.start(cpus=1)
        nodes.join(patch)
        for name in ("there", "here"):
            patch.syspath_prepend(str(folder / name))
        yield nodes


def told() -> dict[str, str | None]:
    names = ("PHYSSCALE_PLUGINS", "PHYSSCALE_WEIGHTS")
    return {name: os.environ.get(name) for name in names}


def test_workers_know_plugins_and_weights_of_the_shell(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = {"PHYSSCALE_PLUGINS": "plugin_there", "PHYSSCALE_WEIGHTS": str(tmp_path)}
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    with cluster():
        assert ray.get(ray.remote(told).remote()) == shell


def test_a_plugin_that_workers_lack_is_refused_in_one_line(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHYSSCALE_PLUGINS", "plugin_here")
    with (
        pytest.raises(UserError, match=r"No module named 'plugin_here'.*PYTHONPATH") as said,
        cluster(),
    ):
        pass
    assert "\n" not in str(said.value)
    assert not ray.is_initialized()
