"""What `doctor` says of Ray heads on this machine: can a stranger reach one, and does it ask who
calls?

A head is found by the command line of its dashboard, which takes jobs: whoever may send one runs
code as its owner. Ray is not imported."""

import ipaddress
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from physscale.study.finding import Finding

_DASHBOARD = re.compile(r"ray/dashboard/dashboard\.py\0")
_ANSWER_S = 5.0


@dataclass(frozen=True)
class Listening:
    """A dashboard and where it listens."""

    host: str
    port: int
    process: int


def head_findings() -> list[Finding]:
    """One for each head."""
    return [_judged(one) for one in sorted(_dashboards(), key=lambda one: one.port)]


def _dashboards() -> Iterator[Listening]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_text(errors="replace")
        except OSError:  # it has ended, or is not ours to look at
            continue
        host, port = (re.search(rf"\0--{name}=([^\0]+)", words) for name in ("host", "port"))
        if _DASHBOARD.search(words) and host and port:
            yield Listening(host[1], int(port[1]), int(file.parent.name))


def _judged(one: Listening) -> Finding:
    where = f"{one.host}:{one.port} (process {one.process})"
    if not _is_loopback(one.host):
        return Finding(
            "ray head",
            "wrong",
            f"{where} listens to other machines: start it with --dashboard-host 127.0.0.1, and "
            "reach it by ssh -L or kubectl port-forward",
        )
    status = _asked_by_nobody(one)
    if status is None:
        return Finding("ray head", "note", f"{where} does not answer")
    if status not in (401, 403):
        return Finding(
            "ray head",
            "wrong",
            f"{where} takes jobs without a token: whoever reaches it runs code as you; start it "
            "with RAY_AUTH_MODE=token",
        )
    return Finding("ray head", "fine", f"{where} listens on this machine alone and wants a token")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _asked_by_nobody(one: Listening) -> int | None:
    """The status of a question without a token; None without an answer."""
    host = f"[{one.host}]" if ":" in one.host else one.host
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://{host}:{one.port}/api/jobs/", timeout=_ANSWER_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None
