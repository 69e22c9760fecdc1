"""The supervisor's promises, kept with real processes."""

import asyncio
import http.client
import os
import signal
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from ops.supervisor.part import Part, PartState
from ops.supervisor.part_log import last_lines
from ops.supervisor.supervisor import PartStatus, RestartPolicy, Supervisor
from parley.errors import ModelError, SupervisorError
from tests.ops.supervisor.small_parts import processes_with, script_part, server_part

pytestmark = pytest.mark.servers

QUICK = RestartPolicy(fast_s=30.0, fast_failures=3, first_pause_s=0.01, longest_pause_s=0.1)


class Changes:
    """What the supervisor told of, and a way to await it."""

    def __init__(self) -> None:
        self.seen: list[PartStatus] = []
        self._news = asyncio.Event()

    def __call__(self, status: PartStatus) -> None:
        self.seen.append(status)
        self._news.set()

    async def until(self, found: Callable[[PartStatus], bool]) -> PartStatus:
        async with asyncio.timeout(30):
            while True:
                for status in self.seen:
                    if found(status):
                        return status
                self._news.clear()
                await self._news.wait()

    def order(self, state: PartState) -> list[str]:
        return [status.name for status in self.seen if status.state is state]


def supervise(
    tmp_path: Path, *parts: Part, policy: RestartPolicy = QUICK
) -> tuple[Supervisor, Changes]:
    changes = Changes()
    return Supervisor(parts, log_dir=tmp_path, on_change=changes, policy=policy), changes


def die(part: Part) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        urlopen(f"{part.ready_url}die", timeout=5)


async def test_a_part_starts_after_those_it_needs_and_stops_before_them(tmp_path: Path) -> None:
    first, second = server_part("first"), server_part("second", after=("first",))
    supervisor, changes = supervise(tmp_path, first, second)
    async with supervisor:
        await supervisor.all_ready()
        started_second = changes.order(PartState.STARTING).index("second")
        assert started_second == 1
        assert [s.name for s in changes.seen].index("second") > changes.order(
            PartState.READY
        ).index("first")
    assert changes.order(PartState.STOPPED) == ["second", "first"]


async def test_a_part_that_dies_is_named_with_its_last_lines_and_restarted(tmp_path: Path) -> None:
    part = server_part("tts")
    supervisor, changes = supervise(tmp_path, part)
    async with supervisor:
        await supervisor.all_ready()
        await asyncio.to_thread(die, part)
        died = await changes.until(lambda s: s.state is PartState.RESTARTING)
        assert (died.name, died.reason, died.last_lines) == (
            "tts",
            "exit status 3",
            ("serving", "about to die"),
        )
        again = await changes.until(lambda s: s.state is PartState.READY and s.restarts == 1)
        assert again.pid != died.pid
        assert await asyncio.to_thread(lambda: urlopen(part.ready_url).status) == 200


async def test_a_part_killed_by_a_signal_says_so_and_comes_back(tmp_path: Path) -> None:
    part = server_part("agent")
    supervisor, changes = supervise(tmp_path, part)
    async with supervisor:
        await supervisor.all_ready()
        (status,) = supervisor.status
        assert status.pid is not None
        os.kill(status.pid, signal.SIGKILL)
        died = await changes.until(lambda s: s.state is PartState.RESTARTING)
        assert died.reason == "killed by SIGKILL"
        await changes.until(lambda s: s.state is PartState.READY and s.restarts == 1)


async def test_a_part_that_keeps_failing_is_given_up_with_its_reason(tmp_path: Path) -> None:
    part = script_part("asr", "print('no model here'); raise SystemExit(4)")
    supervisor, changes = supervise(tmp_path, part)
    async with supervisor:
        with pytest.raises(SupervisorError, match=r"asr .*exit status 4.*\n +no model here"):
            await supervisor.all_ready()
    assert len(changes.order(PartState.STARTING)) == QUICK.fast_failures


@pytest.mark.parametrize("status", [1, 2, 139])
async def test_a_part_that_has_been_ready_is_never_given_up(tmp_path: Path, status: int) -> None:
    """Whatever it ends with, and however often: once it can run, it runs again."""
    broken = tmp_path / "broken"
    part = server_part("tts", fails_while=broken, failing_with=status)
    supervisor, changes = supervise(tmp_path, part)
    async with supervisor:
        await supervisor.all_ready()
        broken.touch()
        await asyncio.to_thread(die, part)
        await changes.until(lambda s: s.restarts == 3 * QUICK.fast_failures)
        assert not changes.order(PartState.FAILED)
        broken.unlink()
        await changes.until(lambda s: s.state is PartState.READY and s.restarts > 0)


def test_the_pauses_between_the_starts_of_one_that_keeps_dying_grow_and_stay_bounded() -> None:
    pauses = [RestartPolicy().pause_s(failures) for failures in (1, 2, 3, 10, 5000)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.5, RestartPolicy().longest_pause_s)


async def test_a_misconfigured_part_is_not_started_twice(tmp_path: Path) -> None:
    part = script_part("gateway", "print('gateway: unknown key'); raise SystemExit(2)")
    supervisor, changes = supervise(tmp_path, part)
    async with supervisor:
        with pytest.raises(SupervisorError, match="unknown key"):
            await supervisor.all_ready()
    assert len(changes.order(PartState.STARTING)) == 1


async def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    part = Part(
        name="livekit",
        command=("no-such-program",),
        environment={"PATH": os.environ["PATH"]},
        ready_url="http://127.0.0.1:9/",
    )
    supervisor, _ = supervise(tmp_path, part)
    async with supervisor:
        with pytest.raises(SupervisorError, match="no-such-program: cannot be run"):
            await supervisor.all_ready()


async def test_a_part_that_is_never_ready_is_given_up_with_what_it_answered(tmp_path: Path) -> None:
    part = script_part("agent", "import time; time.sleep(60)", ready_within_s=0.3)
    supervisor, _ = supervise(tmp_path, part)
    async with supervisor:
        with pytest.raises(SupervisorError, match=r"not ready within 0\.3 s .*refused"):
            await supervisor.all_ready()


async def test_stopping_leaves_no_process_even_of_children_that_ran_away(tmp_path: Path) -> None:
    marker = f"parley-{uuid.uuid4().hex}"
    part = server_part("agent", marker=marker, child=True)
    supervisor, _ = supervise(tmp_path, part)
    async with supervisor:
        await supervisor.all_ready()
        assert len(processes_with(marker)) >= 3  # guard, server, runaway child
    assert processes_with(marker) == []


async def test_a_part_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    marker = f"parley-{uuid.uuid4().hex}"
    stubborn = script_part(
        "llm",
        f"import signal, time; signal.signal(15, signal.SIG_IGN); print('{marker}', flush=True);"
        "time.sleep(60)",
    )
    supervisor, _ = supervise(tmp_path, stubborn)
    async with supervisor:
        async with asyncio.timeout(10):
            while not last_lines(tmp_path / "llm.log", 1):  # noqa: ASYNC110 - another's file
                await asyncio.sleep(0.02)
    assert processes_with(marker) == []


async def test_being_cancelled_while_it_stops_kills_at_once(tmp_path: Path) -> None:
    marker = f"parley-{uuid.uuid4().hex}"
    part = server_part("llm", marker=marker, child=True)
    supervisor, _ = supervise(tmp_path, part)
    await supervisor.__aenter__()
    await supervisor.all_ready()
    (status,) = supervisor.status
    assert status.pid is not None
    os.kill(status.pid, signal.SIGSTOP)  # it cannot answer SIGTERM
    stopping = asyncio.create_task(supervisor.__aexit__(None, None, None))
    await asyncio.sleep(0)
    stopping.cancel()
    async with asyncio.timeout(2):  # below its grace time
        await asyncio.wait({stopping})
    assert processes_with(marker) == []


async def test_a_killed_guard_takes_its_part_with_it_and_the_part_restarts(tmp_path: Path) -> None:
    marker = f"parley-{uuid.uuid4().hex}"
    part = server_part("tts", marker=marker)
    supervisor, changes = supervise(tmp_path, part)
    async with supervisor:
        await supervisor.all_ready()
        (status,) = supervisor.status
        assert status.guard_pid is not None
        os.kill(status.guard_pid, signal.SIGKILL)
        await changes.until(lambda s: s.state is PartState.READY and s.restarts == 1)
        assert len(processes_with(marker)) == 2  # the new guard and its server
    assert processes_with(marker) == []


async def test_a_killed_guard_is_replaced_even_if_a_runaway_child_still_has_its_output(
    tmp_path: Path,
) -> None:
    marker = f"parley-{uuid.uuid4().hex}"
    supervisor, changes = supervise(tmp_path, server_part("agent", marker=marker, child=True))
    async with supervisor:
        await supervisor.all_ready()
        (status,) = supervisor.status
        assert status.guard_pid is not None
        os.kill(status.guard_pid, signal.SIGKILL)
        await changes.until(lambda s: s.state is PartState.READY and s.restarts == 1)
    for orphan in processes_with(marker):  # of the killed guard; its successor left none
        os.kill(orphan, signal.SIGKILL)


async def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    supervisor, _ = supervise(file, server_part("tts"))
    async with supervisor:
        with pytest.raises(SupervisorError, match=r"tts .*file"):
            await supervisor.all_ready()


async def test_a_part_waits_for_what_it_needs_and_no_other_part_with_it(tmp_path: Path) -> None:
    changes, fetched = Changes(), asyncio.Event()

    async def until_prepared(part: str) -> None:
        if part == "livekit":
            await fetched.wait()

    parts = (server_part("livekit"), server_part("tts"))
    async with Supervisor(
        parts, log_dir=tmp_path, on_change=changes, until_prepared=until_prepared
    ) as supervisor:
        await changes.until(lambda s: s.name == "tts" and s.state is PartState.READY)
        assert supervisor.status[0].state is PartState.WAITING
        fetched.set()
        async with asyncio.timeout(30):
            await supervisor.all_ready()


async def test_what_could_not_be_had_is_said_as_it_is(tmp_path: Path) -> None:
    async def until_prepared(part: str) -> None:
        raise ModelError("model x: the package registry could not be reached")

    async with Supervisor(
        (server_part("tts"),),
        log_dir=tmp_path,
        on_change=Changes(),
        until_prepared=until_prepared,
    ) as supervisor:
        with pytest.raises(SupervisorError, match=r"^model x: the package registry could not"):
            await supervisor.all_ready()
