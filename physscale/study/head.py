"""A Ray head's Jobs API (docs.ray.io, "Ray Jobs REST API") as far as a submission needs it:
version, package, job, log.

Plain HTTP with a time limit on every call, since Ray's own client waits forever for a silent head.
Ray is not imported."""

import http.client
import ipaddress
import json
import os
import stat
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from physscale.records.errors import UserError
from physscale.records.json_value import parsed
from physscale.records.regular import regular

ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
_CALL_S = 20.0


class Silent(Exception):
    """The head gave no answer, or no meaningful one; asking again may help."""


@dataclass(frozen=True)
class JobState:
    """A job's state, as the head reports it."""

    status: str
    message: str
    exit_code: int | None


@dataclass(frozen=True)
class Head:
    """A head node's address and the token for it."""

    address: str
    token: str | None = field(repr=False)
    proxy: str | None = field(default=None, repr=False)

    def ray_version(self) -> str:
        """The version of Ray that the cluster runs."""
        return str(self._json("GET", "/api/version")["ray_version"])

    def put_package(self, name: str, *, content: bytes) -> str:
        """Sends a zip unless the head has it; returns its URI."""
        path = f"/api/packages/gcs/{name}"
        if self._call("GET", path, allowed=(404,)).status == 404:
            self._call("PUT", path, body=content, kind="application/octet-stream")
        return f"gcs://{name}"

    def submit(
        self, *, entrypoint: str, job: str, runtime_env: dict[str, Any], metadata: dict[str, str]
    ) -> None:
        """Starts a job under that name."""
        content = {
            "entrypoint": entrypoint,
            "submission_id": job,
            "runtime_env": runtime_env,
            "metadata": metadata,
        }
        self._json("POST", "/api/jobs/", body=json.dumps(content).encode())

    def state(self, job: str) -> JobState:
        """The job's state.

        Raises:
            UserError: if the head has no such job.
        """
        answer = self._call("GET", f"/api/jobs/{urllib.parse.quote(job, safe='')}", allowed=(404,))
        if answer.status == 404:
            raise UserError(
                f"job {job[:80]!r}: {self.address} knows no such job (a head that was started "
                "anew forgets them)"
            )
        content = _parsed(answer.body)
        return JobState(
            str(content["status"]),
            str(content.get("message") or ""),
            content.get("driver_exit_code"),
        )

    def log(self, job: str) -> str:
        """All that the job has printed so far; empty before it has begun."""
        answer = self._call(
            "GET", f"/api/jobs/{urllib.parse.quote(job, safe='')}/logs", allowed=(404,)
        )
        return "" if answer.status == 404 else str(_parsed(answer.body).get("logs") or "")

    def _json(self, method: str, path: str, *, body: bytes | None = None) -> dict[str, Any]:
        return _parsed(self._call(method, path, body=body).body)

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        kind: str = "application/json",
        allowed: tuple[int, ...] = (),
    ) -> "_Answer":
        headers = {"Content-Type": kind} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        request = urllib.request.Request(
            f"{self.address}{path}", data=body, method=method, headers=headers
        )
        try:
            with self._opener.open(request, timeout=_CALL_S) as answer:
                return _Answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(
                    error.code,
                    error.read(),
                    what=f"{method} {path.rpartition('/')[0]}",
                    allowed=allowed,
                )
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            through = f", through the proxy {_shown(self.proxy)}" if self.proxy else ""
            raise Silent(f"{type(error).__name__}: {reason}{through}") from error

    @property
    def _opener(self) -> urllib.request.OpenerDirector:
        """Asks the head, or the chosen proxy, and nobody else: no other proxy of the environment,
        and no address that an answer names."""
        scheme = self.address.partition("://")[0]
        proxies = {scheme: self.proxy} if self.proxy else {}
        return urllib.request.build_opener(urllib.request.ProxyHandler(proxies), _NoRedirect)

    def _refused(
        self, status: int, body: bytes, *, what: str, allowed: tuple[int, ...]
    ) -> "_Answer":
        text = " ".join(body.decode(errors="replace").split())[-160:]
        if status in allowed:
            return _Answer(status, body)
        if status in (401, 403):
            wrong = (
                "the token is not this cluster's"
                if self.token
                else "it wants a token, and there is none here"
            )
            raise UserError(
                f"{self.address}: {status}, {wrong}; put its token into ~/.ray/auth_token (mode "
                "600) or RAY_AUTH_TOKEN"
            )
        if status < 500:
            raise UserError(f"{self.address}: {what} gave {status}: {text}")
        raise Silent(f"{status}: {text}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer that sends us elsewhere is an error: the token is for the head alone."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes


def head_at(address: str) -> Head:
    """The head at an address, with the token that Ray's own tools would use: RAY_AUTH_TOKEN,
    RAY_AUTH_TOKEN_PATH, or ~/.ray/auth_token.

    Raises:
        UserError: for an invalid address, a token that others can read, or a proxy that could read
            it.
    """
    try:
        parts = urllib.parse.urlsplit(address if "://" in address else f"http://{address}")
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise UserError(
            f"--address {address[:80]!r}: give the dashboard's, as http://127.0.0.1:8265"
        )
    token, proxy = _token(), _proxy(parts)
    if token and proxy and parts.scheme == "http":
        raise UserError(
            f"--address {address[:80]!r}: the proxy {_shown(proxy)} of this shell would read the "
            f"cluster's token; add {parts.hostname} to NO_PROXY, or forward the port and use "
            "http://127.0.0.1:8265"
        )
    return Head(
        f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", token=token, proxy=proxy
    )


def _proxy(parts: urllib.parse.SplitResult) -> str | None:
    """The proxy that the environment names for this address; none for this machine itself."""
    host = parts.hostname or ""
    if _is_this_machine(host) or urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _shown(proxy: str) -> str:
    """A proxy without its user and password."""
    return proxy.rpartition("//")[2].rpartition("@")[2].partition("/")[0]


def _token() -> str | None:
    if os.environ.get("RAY_AUTH_TOKEN"):
        return os.environ["RAY_AUTH_TOKEN"].strip()
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    if not path.exists():
        return None
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise UserError(f"{path}: others can read the token (mode {mode:o}): chmod 600 {path}")
    return regular(path).read_text().strip()


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        content = parsed(body)
    except ValueError as error:
        raise Silent("an answer that is no JSON") from error
    if not isinstance(content, dict):
        raise Silent("an answer that is no JSON object")
    return content
