"""Whether a process that left a file behind is still alive, as far as this process can tell.

A process number means something on one machine, since one boot, in one PID namespace. Containers
have equal host names and equal process numbers, and see nothing of each other. So a process is
judged by its number only if all three agree. Of any other, only a sign of life says something."""

import functools
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")


@functools.cache
def boot_id() -> str | None:
    """What the kernel drew when it started; None where it does not say."""
    try:
        return _BOOT.read_text().strip() or None
    except OSError:
        return None


@functools.cache
def pid_namespace() -> str | None:
    """The space in which this process's number counts; None where the kernel does not say."""
    try:
        return os.readlink(_NAMESPACE)
    except OSError:
        return None


@dataclass(frozen=True)
class Process:
    """A process as the files that it writes name it."""

    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)
    boot: str | None = field(default_factory=boot_id)
    namespace: str | None = field(default_factory=pid_namespace)

    def gone(self) -> bool:
        """Whether it is known to have ended. A process that cannot be seen from here is not."""
        here = (socket.gethostname(), boot_id(), pid_namespace())
        seen = None not in here and here == (self.host, self.boot, self.namespace)
        return seen and not _is_alive(self.process)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
