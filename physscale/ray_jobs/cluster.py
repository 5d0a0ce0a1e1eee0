"""Joins the Ray cluster that this process was given, or starts a private one.

`ray job submit` and a user's `RAY_ADDRESS` name a cluster. Without them a local one is started,
which ends with this process. It is private: its own temporary folder (short, since Unix sockets
allow 107 characters), its own random token in the environment and nowhere on disk, the dashboard on
loopback, no fixed port. Nothing here ever runs `ray stop`, which would end other people's clusters
too."""

import contextlib
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import ray

from physscale.ray_jobs.forwarded import check_plugins, forwarded
from physscale.records.errors import ClusterLost, UserError, disk_full, no_space, one_line
from physscale.records.leaving import clear_away, heard
from physscale.records.scratch import abandoned, own
from physscale.scheduling.resources import Machine, Node
from physscale.scheduling.this_machine import given_cluster, local_gpus, usable_cpus

LOCAL = Machine()
_PREFIX = "psr-"
_HEAD_S = 20.0
_VITAL = ("raylet", "gcs_server")
"""Ray's processes without which a cluster of our own is lost."""

_WATCH_S = 0.5
_STARTS = 2
_LONGEST_BASE = 20
"""A Unix socket's path holds 107 letters, and Ray appends up to 85."""

_FETCHER = "iter_threaded"
_FETCH_S = 10.0

QUIET = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS": "1",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "60",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "10",
    "TUNE_GLOBAL_CHECKPOINT_S": "600",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
"""Ray's own output and files, turned down; a value that the user has set stays."""


@contextlib.contextmanager
def cluster(
    machine: Machine = LOCAL, *, dashboard: Literal["yes", "no"] = "no"
) -> Iterator[list[Node]]:
    """Ray is up inside `with`; yields the nodes. A Ray that is up already (a test session's) is
    used and left running. A Ray of our own counts the GPUs here if the machine file promises some.

    Raises:
        UserError: if no head answers at `RAY_ADDRESS`, or `RAY_TMPDIR` cannot be used.
        ClusterLost: if Ray does not start.
        Unschedulable: if the machine file promises GPUs, and there is neither a head nor a GPU.
    """
    for key, value in QUIET.items():
        os.environ.setdefault(key, value)
    if ray.is_initialized():
        yield nodes()
        return
    options = {"configure_logging": True, "logging_level": logging.ERROR, "log_to_driver": False}
    address = given_cluster()
    folder = None if address else _own_folder()
    try:
        if address:
            _join(address, **options)
            check_plugins(address)
        else:
            _start(
                num_cpus=usable_cpus(),
                num_gpus=local_gpus(machine),
                include_dashboard=dashboard == "yes",
                _temp_dir=str(folder),
                **options,
            )
        with _watched():
            yield nodes()
    finally:
        _await_fetchers()
        ray.shutdown()
        if folder is not None:
            clear_away(folder)


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """The handlers of this process stay; Ray would put its own in their place."""
    before = {number: signal.getsignal(number) for number in heard()}
    yield
    if threading.current_thread() is threading.main_thread():
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    """Ends this process if a cluster of its own dies. Ray would end it without a word, or leave it
    waiting for ever."""
    node, over = ray._private.worker._global_node, threading.Event()
    vital = {
        name: started.process
        for name in _VITAL
        for started in (node.all_processes.get(name, ()) if node is not None else ())
    }

    def watch() -> None:
        while not over.wait(_WATCH_S):
            for name, process in vital.items():
                if process.poll() is not None and not over.is_set():
                    print(
                        f"physscale: Ray's {name} has died (exit code {process.returncode}); the "
                        "same command continues",
                        file=sys.stderr,
                        flush=True,
                    )
                    os._exit(ClusterLost.exit_code)

    threading.Thread(target=watch, name="cluster-watch", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _await_fetchers() -> None:
    """Waits for threads of Ray Data. They outlive a stream that is left early by a fraction of a
    second, and a thread that calls Ray after its shutdown ends the whole process."""
    deadline_s = time.monotonic() + _FETCH_S
    for thread in threading.enumerate():
        if thread.name == _FETCHER:
            thread.join(max(0.0, deadline_s - time.monotonic()))


def nodes() -> list[Node]:
    """The living nodes of the cluster."""
    return [
        Node(cpus=node["Resources"].get("CPU", 0.0), gpus=node["Resources"].get("GPU", 0.0))
        for node in ray.nodes()
        if node["Alive"]
    ]


def check_answers(address: str, *, patience_s: float = _HEAD_S) -> None:
    """Asks for a connection. Ray itself would wait silently for a quarter of an hour if there is no
    head.

    Raises:
        UserError: if nobody takes it in time.
    """
    if address.startswith("http"):
        raise UserError(
            f"RAY_ADDRESS={address}: that is a dashboard, for `ray job submit`; unset it, or name "
            "the head as HOST:6379"
        )
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():
        return  # `auto`: Ray knows where
    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=patience_s).close()
            return
        except (OSError, OverflowError) as error:
            if time.monotonic() > deadline_s:
                raise UserError(
                    f"RAY_ADDRESS={address}: no Ray head answers ({error}); unset it to use this "
                    "machine alone"
                ) from error
        time.sleep(0.5)


def _join(address: str, **options: Any) -> None:  # noqa: ANN401 - Ray's
    check_answers(address)
    try:
        with _own_signals():
            ray.init(address="auto", **forwarded(), **options)
    except ConnectionError as error:
        raise UserError(
            f"RAY_ADDRESS={address}: no Ray head answers ({one_line(error)}); unset it to use this "
            "machine alone"
        ) from error


def _start(**options: Any) -> None:  # noqa: ANN401 - Ray's
    """A cluster of our own. A machine that is busy may need a second attempt."""
    os.environ.pop("RAY_ADDRESS", None)  # empty or `local`
    if "RAY_AUTH_MODE" not in os.environ:
        # Ray turns token authentication on for a local cluster by itself; with a token at hand it
        # does not write one to the home folder
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)
    # under `uv run`, Ray would pack the working folder and install it anew for each process
    ray._private.ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV = False
    for attempt in range(1, _STARTS + 1):
        try:
            with _own_signals(), _on_loopback():
                ray.init(address="local", **options)
            return
        except Exception as error:  # Ray has no class for it
            ray.shutdown()
            if disk_full(error):
                raise no_space(options["_temp_dir"]) from error
            if attempt == _STARTS:
                raise ClusterLost(
                    f"Ray did not start, {_STARTS} times: {one_line(error)}; the same command "
                    "tries again"
                ) from error


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """All servers of a Ray that starts inside listen on 127.0.0.1 alone. It is what Ray does by
    itself on Windows and macOS, by a switch that its processes inherit."""
    constants = ray._private.ray_constants
    name, before = constants.ENABLE_RAY_CLUSTERS_ENV_VAR, constants.ENABLE_RAY_CLUSTER
    os.environ[name], constants.ENABLE_RAY_CLUSTER = "0", False
    try:
        yield
    finally:
        del os.environ[name]
        constants.ENABLE_RAY_CLUSTER = before


def _own_folder() -> Path:
    """A fresh folder for Ray's sockets and logs; those of killed drivers are removed.

    Raises:
        UserError: for a RAY_TMPDIR that is too long.
    """
    chosen = os.environ.get("RAY_TMPDIR")
    base = Path(chosen or tempfile.gettempdir())
    if len(str(base)) > _LONGEST_BASE:
        if chosen:
            raise UserError(
                f"RAY_TMPDIR={chosen}: {len(chosen)} letters; at most {_LONGEST_BASE} fit, since "
                "Ray's sockets lie below it; choose a shorter one, or unset it"
            )
        base = Path("/tmp")
    for old in base.glob(f"{_PREFIX}*-*"):
        if abandoned(old, now_s=None):
            shutil.rmtree(old, ignore_errors=True)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=base))
    except OSError as error:
        raise UserError(
            f"{base}: Ray's folder cannot be made there ({error.strerror}); set RAY_TMPDIR to "
            "another place"
        ) from error
    own(folder)
    return folder
