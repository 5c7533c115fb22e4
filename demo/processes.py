"""Starting and stopping things on this machine.

    with running(["server", "--port", "8000"], environment, log) as process:
        wait_until(lambda: answers("http://127.0.0.1:8000/health"), "the server", process=process)

A process gets a session of its own: Ctrl-C in the terminal reaches us alone, and we stop it, with whatever it started,
by its process group. Nothing is ever ended by name.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

LOOPBACK = "127.0.0.1"


class DidNotStart(Exception):
    """Something ended, or never answered; the message says what, and where its log is."""


@contextmanager
def running(
    command: Sequence[str | Path], environment: Mapping[str, str], log: Path, *, patience_s: float = 20
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` for as long as the block lasts, with its output in `log`.

    At the end it is asked to stop, given `patience_s` to save what it wants to save, and then made to.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            stop_group(process.pid, patience_s=patience_s, leader=process)


def stop_group(group: int, *, patience_s: float, leader: subprocess.Popen[bytes] | None = None) -> None:
    """End a process group: its leader is asked first, so that it can end its children itself."""
    with suppress(ProcessLookupError):
        os.kill(group, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and (leader.poll() is None if leader else is_alive(group)):
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    if leader:
        leader.wait()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_of(pid: int) -> str:
    """The command line of a process, empty if there is none such."""
    found = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def wait_until(
    reached: Callable[[], bool], what: str, *, seconds: float = 30, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Return as soon as `reached()`; raises `DidNotStart` after `seconds`, or when `process` has ended before."""
    deadline = time.monotonic() + seconds
    while not reached():
        if process and process.poll() is not None:
            raise DidNotStart(
                f"{what} ended with exit code {process.returncode}. If what it stored before is of another version, "
                "make demo-reset starts afresh."
            )
        if time.monotonic() > deadline:
            raise DidNotStart(f"{what} did not answer within {seconds:g} s.")
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a GET of a loopback address is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (our own address)
            return bool(response.status < 400)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def free_port(preferred: int = 0) -> int:
    """A port on loopback that nobody listens on: `preferred` if it is free, else any."""
    for port in dict.fromkeys((preferred, 0)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((LOOPBACK, port))
                return int(probe.getsockname()[1])
    raise DidNotStart("No port is free.")


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the program as Ctrl-C does, so that every `with` gets to stop what it started."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
