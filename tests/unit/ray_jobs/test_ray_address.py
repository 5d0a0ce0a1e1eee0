"""A RAY_ADDRESS where nobody answers is one line, not a quarter of an hour of silence."""

import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest
import ray

from physscale.ray_jobs.cluster import check_answers, cluster
from physscale.records.errors import ClusterLost, UserError
from physscale.scheduling.this_machine import given_cluster
from tests.ray_nodes import free_port


def test_a_head_that_is_not_there_is_told_in_time() -> None:
    with pytest.raises(UserError, match="no Ray head answers"):
        check_answers(f"127.0.0.1:{free_port()}", patience_s=0.2)


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "no such host:1"])
def test_an_address_that_cannot_be_is_told_too(address: str) -> None:
    with pytest.raises(UserError, match="no Ray head answers"):
        check_answers(address, patience_s=0.2)


def test_a_dashboards_address_is_named_so() -> None:
    with pytest.raises(UserError, match="that is a dashboard"):
        check_answers("http://127.0.0.1:8265")


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_a_head_that_answers_is_fine(form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_answers(form.format(server.getsockname()[1]), patience_s=0.2)


def test_auto_is_left_to_ray() -> None:
    check_answers("auto")


@pytest.mark.parametrize(
    ("given", "means"),
    [(None, None), ("", None), (" ", None), ("local", None), ("auto", "auto"), ("h:1", "h:1")],
)
def test_an_empty_address_and_local_name_no_cluster(
    given: str | None, means: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if given is not None:
        monkeypatch.setenv("RAY_ADDRESS", given)
    assert given_cluster() == means


def test_auto_without_a_cluster_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(**_: object) -> None:
        raise ConnectionError("Could not find any running Ray instance.\nPlease specify one")

    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setattr(ray, "init", nobody)
    with (
        pytest.raises(UserError, match=r"^RAY_ADDRESS=auto: no Ray head answers") as refused,
        cluster(),
    ):
        pass
    assert "\n" not in str(refused.value)


@pytest.fixture
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Ray was asked to start; it never starts."""
    asked: list[dict[str, Any]] = []

    def start(**options: Any) -> None:
        asked.append(options)
        raise Exception("The current node timed out during startup.\nThis could happen")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    monkeypatch.setattr(ray, "init", start)
    return asked


def test_a_start_that_times_out_is_tried_twice_and_is_then_one_line(
    no_cluster: list[dict[str, Any]],
) -> None:
    with (
        pytest.raises(ClusterLost, match=r"did not start, 2 times: The current node timed out"),
        cluster(),
    ):
        pass
    assert len(no_cluster) == 2
    assert not Path(no_cluster[0]["_temp_dir"]).exists()


def test_ray_packs_no_working_folder_under_uv_run(no_cluster: list[dict[str, Any]]) -> None:
    with pytest.raises(ClusterLost), cluster():
        pass
    assert not ray._private.ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV


def test_the_folder_that_ray_tmpdir_names_is_taken(
    no_cluster: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    with pytest.raises(ClusterLost), cluster():
        pass
    assert Path(no_cluster[0]["_temp_dir"]).parent == folder
    folder.rmdir()


@pytest.mark.parametrize(
    ("folder", "words"),
    [("/tmp/" + "long" * 10, "45 letters; at most 20"), ("/nowhere", "cannot be made there")],
)
def test_a_ray_tmpdir_that_cannot_be_used_is_refused(
    folder: str, words: str, no_cluster: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", folder)
    with pytest.raises(UserError, match=words), cluster():
        pass
    assert not no_cluster
