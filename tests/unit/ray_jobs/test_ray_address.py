"""A RAY_ADDRESS where nobody answers is one line, not a quarter of an hour of silence."""

import socket

import pytest

from physscale.ray_jobs.cluster import check_answers
from physscale.records.errors import UserError
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
