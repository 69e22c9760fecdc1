"""Runs one command and sees to it that nothing the command started outlives it.

    python -I -S guard.py SUPERVISOR_PID STOP_SIGNAL GRACE_S NICENESS COMMAND...

Each part of Parley runs under a guard. As a subreaper the guard inherits whatever the command's
children leave behind, so it can end all of them; the kernel tells it when the supervisor dies,
however it dies. SIGTERM (or the supervisor's death) sends the command its STOP_SIGNAL and kills
what is left after the grace time, SIGQUIT kills at once. Exits as the command did, 128 + N for
signal N. Standard library only and run by path: it starts in a few milliseconds.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
_POLL_S = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    supervisor_pid, stop_signal, grace_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    niceness, command = int(sys.argv[4]), sys.argv[5:]
    awaited = _STOP_SIGNALS | {signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)  # they wait for sigtimedwait below
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor_pid:  # it died before the line above
        return 1
    pid = os.fork()
    if pid == 0:
        _give_way(niceness)
        _become(command, awaited)
    status = _until_ended(pid, awaited, stop_signal, grace_s)
    _kill_descendants()
    return status


def _give_way(niceness: int) -> None:
    """Leaves the cores to others first. Where the kernel shares them out by session, as Linux does
    for interactive use (sched(7), autogroup), a process's niceness counts only within its own.
    """
    os.nice(niceness)
    with suppress(OSError):  # a kernel without it, or one that allows no change now
        Path("/proc/self/autogroup").write_text(f"{niceness}\n")


def _become(command: list[str], blocked: set[signal.Signals]) -> None:
    """In the child: runs the command in place of this program; dies with the guard."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the supervisor's own command
    except OSError as error:
        print(f"{command[0]}: cannot be run: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def _until_ended(pid: int, awaited: set[signal.Signals], stop_signal: int, grace_s: float) -> int:
    """Waits for the command's end, passing on the wish to stop; returns its exit status."""
    deadline = None
    while True:
        left_s = None if deadline is None else max(_POLL_S, deadline - time.monotonic())
        received = signal.sigtimedwait(awaited, 3600 if left_s is None else left_s)
        number = received.si_signo if received is not None else None
        if number == signal.SIGQUIT or (number is None and deadline is not None):
            os.kill(pid, signal.SIGKILL)
        elif number in _STOP_SIGNALS and deadline is None:
            os.kill(pid, stop_signal)
            deadline = time.monotonic() + grace_s
        for ended, status in _reaped():
            if ended == pid:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code


def _kill_descendants() -> None:
    while descendants := _descendants():
        for pid in descendants:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        signal.sigtimedwait({signal.SIGCHLD}, _POLL_S)
        list(_reaped())


def _reaped() -> Iterator[tuple[int, int]]:
    """The (pid, wait status) of every child that has ended by now."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def _descendants() -> set[int]:
    """Every living process below this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in parentheses may hold anything: fields are counted after it.
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found: set[int] = set()
    layer = {os.getpid()}
    while layer := {pid for pid, parent in parents.items() if parent in layer} - found:
        found |= layer
    return found


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option})")


if __name__ == "__main__":
    sys.exit(main())
