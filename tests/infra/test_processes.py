"""What the demo starts it must also stop, all of it, however it ends, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from demo.exclusive import InUse, exclusive
from demo.processes import (
    DidNotStart,
    free_port,
    is_alive,
    running,
    terminated_like_interrupted,
    wait_until,
)
from demo.reset import forget

PARENT_OF_A_STUBBORN_CHILD = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"],
    stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def start(program: str, log, **options):
    return running([sys.executable, "-c", program], dict(os.environ), log, **options)


def test_a_child_that_ignores_the_request_to_stop_is_stopped_with_its_parent(log):
    with start(PARENT_OF_A_STUBBORN_CHILD, log) as parent:
        wait_until(lambda: log.read_text().endswith("\n"), "the child", process=parent)
        child = int(log.read_text())
        assert is_alive(child)
    wait_until(lambda: not _runs(child), "the end of the child", seconds=5)


def test_what_was_started_is_stopped_when_the_caller_fails(log):
    with pytest.raises(ZeroDivisionError), start("import time; time.sleep(60)", log) as process:
        _ = 1 / 0
    assert process.returncode == -signal.SIGTERM


def test_a_process_that_saves_its_state_is_given_the_time_for_it(log, tmp_path):
    saving = f"""
import signal, time
def save(*_):
    time.sleep(0.3)
    open({str(tmp_path / "saved")!r}, "w").write("all")
    raise SystemExit
signal.signal(signal.SIGTERM, save)
print("up", flush=True)
time.sleep(60)
"""
    with start(saving, log) as process:
        wait_until(lambda: "up" in log.read_text(), "the process", process=process)
    assert (tmp_path / "saved").read_text() == "all"


def test_waiting_ends_as_soon_as_the_process_has(log):
    began = time.monotonic()
    with pytest.raises(DidNotStart, match="exit code 3"), start("raise SystemExit(3)", log) as process:
        wait_until(lambda: False, "It", process=process, seconds=30)
    assert time.monotonic() - began < 10


def test_being_terminated_unwinds_like_ctrl_c():
    with pytest.raises(KeyboardInterrupt), terminated_like_interrupted():
        signal.raise_signal(signal.SIGTERM)


def test_two_stacks_never_share_a_state_directory(tmp_path):
    with exclusive(tmp_path / "lock"), pytest.raises(InUse), exclusive(tmp_path / "lock", wait=False):
        pass
    with exclusive(tmp_path / "lock", wait=False):
        pass


def test_the_demo_is_not_made_to_forget_while_it_runs(tmp_path):
    kept = tmp_path / "stack" / "kept"
    with exclusive(tmp_path / "stack" / "lock"):
        kept.touch()
        with pytest.raises(InUse):
            forget(tmp_path)
    assert kept.exists()
    forget(tmp_path)
    assert not tmp_path.exists()


def test_a_taken_port_is_not_given_out():
    with subprocess.Popen(
        [sys.executable, "-c", "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
         "print(s.getsockname()[1], flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as listener:  # fmt: skip
        taken = int(listener.stdout.readline())
        assert free_port(taken) != taken
        listener.communicate("\n")


def _runs(pid: int) -> bool:
    """Whether a process does anything; one that ended and was not yet collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")
