"""Job processes come and go; what they counted stays, what they hold does not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.health.exposition import Exposition, JobMetrics
from agent.health.probes import Findings
from parley.rpc.v1 import status_pb2

ONE_CALL = """
from parley.telemetry import agent as metrics
metrics.sessions_active.inc()
metrics.session_messages.labels("user").inc(3)
for seconds in (0.04, 0.04, 0.12, 0.9):
    metrics.synthesis_latency_seconds.labels("joe", "piper", "w1").observe(seconds)
    metrics.synthesis_total.labels("joe", "piper", "w1").inc()
metrics.sla_violations_total.inc()
metrics.turn_latency_seconds.labels("total").observe(0.7)
print("ready", flush=True)
input()
"""


class JobProcess:
    """A process that records what one call would, and lives until it is told to end."""

    def __init__(self, directory: Path, script: str = ONE_CALL) -> None:
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(directory)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", script],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> None:
        self._process.communicate(b"\n", timeout=30)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=30)


def samples(directory: Path, findings: Findings | None = None) -> dict[str, float]:
    text = Exposition(JobMetrics(directory)).text(findings or Findings({})).decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_calls_under_way_add_up(tmp_path: Path) -> None:
    jobs = [JobProcess(tmp_path) for _ in range(2)]
    found = samples(tmp_path)
    assert found["sessions_active"] == 2
    assert found['session_messages_total{role="user"}'] == 6
    for job in jobs:
        job.end()


@pytest.mark.parametrize("how", ["end", "kill"])
def test_a_call_that_ended_is_no_longer_active_and_still_counted(tmp_path: Path, how: str) -> None:
    job = JobProcess(tmp_path)
    getattr(job, how)()
    for _ in range(2):  # however often it is asked
        found = samples(tmp_path)
        assert found.get("sessions_active", 0) == 0
        assert found['session_messages_total{role="user"}'] == 3
        count = 'synthesis_latency_seconds_count{engine="piper",voice="joe",worker="w1"}'
        assert found[count] == 4


def test_the_files_do_not_grow_with_the_calls(tmp_path: Path) -> None:
    JobProcess(tmp_path).end()
    samples(tmp_path)
    files = {file.name for file in tmp_path.iterdir()}
    for _ in range(2):
        JobProcess(tmp_path).end()
    found = samples(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == files
    assert found['session_messages_total{role="user"}'] == 9


def test_workers_are_counted_as_the_probes_found_them(tmp_path: Path) -> None:
    busy = status_pb2.WorkerStatus(worker_id="a", slots=2, in_flight=1)
    idle = status_pb2.WorkerStatus(worker_id="b", slots=2)
    found = samples(tmp_path, Findings({}, synthesis=(busy, idle)))
    assert (found["workers_active"], found["workers_idle"]) == (1, 1)


def test_compliance_is_the_share_of_all_syntheses(tmp_path: Path) -> None:
    assert "sla_compliance_percent" not in samples(tmp_path)  # of nothing there is no share
    assert Exposition(JobMetrics(tmp_path)).summary(Findings({}))["sla_compliance_percent"] is None
    JobProcess(tmp_path).end()
    assert samples(tmp_path)["sla_compliance_percent"] == 75


ALL_FAILED = """
from agent.synthesis_metrics import SynthesisMeter
from parley.errors import WorkerUnavailableError
for _ in range(50):
    try:
        with SynthesisMeter("joe"):
            raise WorkerUnavailableError("gone")
    except WorkerUnavailableError:
        pass
print("ready", flush=True)
input()
"""


def test_where_every_synthesis_failed_nothing_was_within_the_sla(tmp_path: Path) -> None:
    JobProcess(tmp_path, ALL_FAILED).end()
    found = samples(tmp_path)
    assert found['synthesis_total{engine="none",voice="joe",worker="none"}'] == 50
    assert found['synthesis_errors_total{reason="unavailable"}'] == 50
    assert found["sla_violations_total"] == 50
    assert found["sla_compliance_percent"] == 0


def test_ended_calls_leave_nothing_behind_though_nobody_asks_for_metrics(tmp_path: Path) -> None:
    jobs = JobMetrics(tmp_path)
    calls = [JobProcess(tmp_path) for _ in range(2)]
    calls[0].end()
    jobs.reap()
    numbers = {file.stem.rpartition("_")[2] for file in tmp_path.iterdir()}
    assert numbers == {"ended", str(calls[1].pid)}
    calls[1].kill()
    jobs.reap()
    assert {file.stem for file in tmp_path.iterdir()} == {"counter_ended", "histogram_ended"}
    assert samples(tmp_path)['session_messages_total{role="user"}'] == 6


def test_a_file_whose_number_another_process_has_got_is_one_of_an_ended_call(
    tmp_path: Path,
) -> None:
    JobProcess(tmp_path).end()
    for file in tmp_path.glob("*.db"):
        kind = file.stem.rpartition("_")[0]
        file.rename(file.with_name(f"{kind}_1.db"))  # init runs, and is no job of ours
    JobMetrics(tmp_path).reap()
    assert {file.stem for file in tmp_path.iterdir()} == {"counter_ended", "histogram_ended"}


OF_THE_FRAMEWORK = """
from livekit.agents.telemetry import metrics
metrics._update_worker_load(0.5)
metrics.proc_initialized(time_elapsed=1.0)
print("ready", flush=True)
input()
"""


def test_no_series_is_labeled_with_a_host_or_a_process(tmp_path: Path) -> None:
    jobs = [JobProcess(tmp_path, OF_THE_FRAMEWORK), JobProcess(tmp_path)]
    labels = [name for name in samples(tmp_path) if "pid=" in name or "node" in name]
    assert not labels
    for job in jobs:
        job.end()


def test_the_summary_says_it_for_people(tmp_path: Path) -> None:
    JobProcess(tmp_path).end()
    status = status_pb2.WorkerStatus(worker_id="a", engine="piper", slots=2, in_flight=1)
    exposition = Exposition(JobMetrics(tmp_path))
    summary = exposition.summary(Findings({}, synthesis=(status,)))
    assert summary["worker_utilization_percent"] == 50
    assert summary["sla_violations"] == 1
    assert summary["sla_compliance_percent"] == 75
    assert summary["synthesis"]["count"] == 4
    assert summary["synthesis"]["p50_ms"] == 50
    assert 750 < summary["synthesis"]["p99_ms"] <= 1000
    assert 500 < summary["turn"]["total"]["p50_ms"] <= 750
    assert summary["turn"]["asr"]["p50_ms"] is None
    assert summary["workers"] == [
        {"worker": "a", "engine": "piper", "slots": 2, "in_flight": 1, "queue_depth": 0}
    ]


FILLED_AND_COUNTED = """
import resource, sys
from agent.health.metric_files import use_allocated_files
limit_bytes = int(sys.argv[2])
if limit_bytes >= 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
use_allocated_files()
from parley.telemetry import agent as metrics
from prometheus_client import REGISTRY
for call in range(int(sys.argv[1])):
    metrics.sessions_active.inc()
    metrics.synthesis_errors_total.labels(f"a reason of some length, number {call}").inc()
    metrics.synthesis_latency_seconds.labels("joe", "piper", f"w{call}").observe(0.1)
print(metrics.sessions_active._value.get())
"""


def counted_in(
    directory: Path, calls: int, *, limit_bytes: int | None = None
) -> subprocess.CompletedProcess[str]:
    """A process that counts so many calls' worth; `limit_bytes`: files cannot grow beyond that."""
    limit = str(-1 if limit_bytes is None else limit_bytes)
    return subprocess.run(
        [sys.executable, "-c", FILLED_AND_COUNTED, str(calls), limit],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("calls", [700])
@pytest.mark.parametrize("limit_bytes", [None, 0, 4096, 100_000, 131_072])
def test_files_that_cannot_grow_cost_metrics_and_nothing_else(
    tmp_path: Path, calls: int, limit_bytes: int | None
) -> None:
    done = counted_in(tmp_path, calls, limit_bytes=limit_bytes)
    assert (done.returncode, done.stdout.strip()) == (0, f"{calls}.0"), done.stderr
    found = samples(tmp_path)  # whatever there is can be read
    if limit_bytes is None:
        assert sum(n for name, n in found.items() if name.startswith("synthesis_errors_total")) == (
            calls
        )


@pytest.mark.parametrize("free_bytes", [0, 70_000, 200_000])
def test_a_disk_that_fills_up_kills_no_call(small_disk: Path, free_bytes: int) -> None:
    directory = small_disk / "metrics"
    directory.mkdir()
    with (small_disk / "ballast").open("wb") as ballast:
        free = shutil.disk_usage(small_disk).free
        ballast.write(bytes(max(0, free - free_bytes)))
    for _ in range(2):
        done = counted_in(directory, 700)
        assert (done.returncode, done.stdout.strip()) == (0, "700.0"), done.stderr
        samples(directory)
    (small_disk / "ballast").unlink()
    counted_in(directory, 5)
    assert samples(directory).get("sessions_active", 0) == 0


def test_what_has_ended_is_kept_while_it_cannot_be_joined(small_disk: Path) -> None:
    """The sum over all calls neither shrinks nor counts twice, before, during and after."""
    JobProcess(small_disk).end()
    with (small_disk / "ballast").open("wb") as ballast:
        ballast.write(bytes(shutil.disk_usage(small_disk).free))
    for _ in range(3):
        assert samples(small_disk)['session_messages_total{role="user"}'] == 3
    (small_disk / "ballast").unlink()
    for _ in range(3):
        assert samples(small_disk)['session_messages_total{role="user"}'] == 3


def test_files_are_joined_when_a_process_has_ended_though_nobody_asks(tmp_path: Path) -> None:
    jobs = JobMetrics(tmp_path)
    for _ in range(3):
        JobProcess(tmp_path).end()
        jobs.reap()
        files = list(tmp_path.iterdir())
        assert all(file.stem.endswith("_ended") for file in files), files


A_THOUSAND_CALLS = """
import os
from prometheus_client import mmap_dict
mmap_dict._INITIAL_MMAP_SIZE = 16_384  # a file's first MB takes longer than the rest of a call
from agent.health.metric_files import use_allocated_files
use_allocated_files()
from parley.telemetry import agent as metrics

def call():
    metrics.sessions_active.inc()
    metrics.session_messages.labels("user").inc()
    metrics.synthesis_latency_seconds.labels("joe", "piper", "w1").observe(0.1)
    metrics.tool_latency_seconds.labels("order_status", "done").observe(0.2)
    os._exit(0)  # as a job that is killed: nothing is tidied up

for number in range(1, 1001):
    os.waitpid(os.fork() or call(), 0)
    if number % 50 == 0:
        print(number, flush=True)
        input()
"""


def test_a_thousand_short_calls_leave_no_file_and_no_series_behind(tmp_path: Path) -> None:
    jobs = JobMetrics(tmp_path)
    fork_server = subprocess.Popen(
        [sys.executable, "-c", A_THOUSAND_CALLS],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert fork_server.stdin is not None
    assert fork_server.stdout is not None
    left = []
    for _ in range(20):
        fork_server.stdout.readline()
        jobs.reap()
        files = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
        found = samples(tmp_path)
        left.append((files, set(found)))
        fork_server.stdin.write(b"\n")
        fork_server.stdin.flush()
    assert fork_server.wait(timeout=60) == 0
    assert left[0] == left[-1]
    assert len(left[0][0]) <= 5  # those of who forks, and of all that ended
    assert found['session_messages_total{role="user"}'] == 1000
    assert found["sessions_active"] == 0
