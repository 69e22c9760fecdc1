"""Asks a local model questions as a person by text would, and judges what it says."""

import asyncio
import csv
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import openai
import psutil

from caller.recordings import SPEECH
from dialogue.model import build_client
from dialogue.opening import conversing
from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.store import SessionRecord
from dialogue.text_front import TextFront
from parley import paths
from parley.app.agent import Agent
from parley.app.events import TextDelta, ToolStarted
from parley.app.tool import tool
from parley.errors import ParleyError
from parley.settings import OrchestratorSettings, load_orchestrator
from testkit.isolated_config import write_config

READY_WITHIN_S = 120.0
REFUSAL = re.compile(
    r"(can't|cannot|can not|unable to|not able to|don't have the (ability|capability) to) "
    r"(assist|help|provide|fulfill|send|engage)|i apologi"
)
"""What a model says that takes a remark for a request it has to refuse."""
_TURNS = " // "
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class MindQuestion:
    """`turns` are said one after the other; the answer to the last is judged."""

    kind: str
    turns: tuple[str, ...]
    accepted: str
    refused: str = ""
    tool: str = ""
    argument: str = ""


@dataclass(frozen=True)
class MindAnswer:
    kind: str
    question: str
    text: str
    called: str
    """The tools that were called, with their arguments."""
    is_right: bool
    first_text_ms: float | None
    first_text_cpu_ms: float | None
    """What the model's server took of the processor until then, whatever else ran."""


@dataclass(frozen=True)
class MindSpeed:
    tokens_per_s: float
    cpu_ms_per_token: float
    memory_mb: float


@dataclass(frozen=True)
class MindResult:
    model: str
    answers: Sequence[MindAnswer]
    refused_fragments: int
    fragments: int
    speed: MindSpeed

    def right(self, kind: str) -> tuple[int, int]:
        """So many of so many."""
        of_kind = [answer.is_right for answer in self.answers if answer.kind == kind]
        return sum(of_kind), len(of_kind)

    @property
    def first_text_ms(self) -> tuple[float, float]:
        """Least and median, over the answers that began with words."""
        times = [a.first_text_ms for a in self._plain if a.first_text_ms is not None]
        return min(times), statistics.median(times)

    @property
    def first_text_cpu_ms(self) -> float:
        """Median over the same answers."""
        times = [a.first_text_cpu_ms for a in self._plain if a.first_text_cpu_ms is not None]
        return statistics.median(times)

    @property
    def _plain(self) -> list[MindAnswer]:
        return [answer for answer in self.answers if answer.kind != "tool"]


def questions() -> list[MindQuestion]:
    """Those without tools."""
    return [
        MindQuestion(
            row["kind"], tuple(row["question"].split(_TURNS)), row["accepted"], row["refused"]
        )
        for row in _rows("mind_questions.tsv")
    ]


def tool_questions() -> list[MindQuestion]:
    return [
        MindQuestion(
            "tool",
            (row["question"],),
            row["accepted"],
            tool=row["tool"],
            argument=row["argument"],
        )
        for row in _rows("mind_tools.tsv")
    ]


def fragments() -> list[str]:
    """What people in recordings say that asks for nothing: the half no prompt was tuned on."""
    with (SPEECH / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
        return [row["transcript"] for row in csv.DictReader(file, delimiter="\t")][1::2]


def judged(question: MindQuestion, text: str, calls: Sequence[ToolStarted]) -> bool:
    """Whether the answer has what is accepted and nothing that is refused; for a tool question,
    whether that tool alone was called, and with the right argument."""
    said = text.lower().replace("’", "'")
    if question.tool:
        if [call.name for call in calls] != [question.tool]:
            return False
        given = str(calls[0].arguments.get(question.argument, "")).lower()
        return re.fullmatch(question.accepted, given.strip(" .")) is not None
    if calls or not re.search(question.accepted, said):
        return False
    return not (question.refused and re.search(question.refused, said))


@tool
async def order_status(number: str) -> str:
    """Where an order is. number: the digits of the order."""
    return f"Order {number} left the warehouse this morning."


@tool
async def weather(city: str) -> str:
    """The weather of today. city: its name."""
    return f"In {city} it is twelve degrees and dry."


@tool
async def set_timer(minutes: int) -> str:
    """Rings after some time. minutes: after how many."""
    return f"The timer rings in {minutes} minutes."


@tool
async def add_to_list(item: str) -> str:
    """Puts something on the shopping list. item: what."""
    return f"{item} is on the list."


PLAIN = Agent(temperature=0.0)
WITH_TOOLS = Agent(temperature=0.0, tools=[order_status, weather, set_timer, add_to_list])


def tried(model: str) -> MindResult:
    """Everything asked of one model; minutes. Raises ParleyError where it does not start."""
    with served(model) as (settings, process):
        return asyncio.run(_tried(model, settings, process))


@contextmanager
def served(model: str) -> Iterator[tuple[OrchestratorSettings, psutil.Process]]:
    """The model on a port of its own, with the project's settings and nobody else's state."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        configs = write_config(
            Path(folder) / "configs",
            orchestrator={"llm": {"local_model": model}, "agent": {"max_sessions": 1}},
        )
        own = {"PARLEY_CONFIG_DIR": str(configs), "PARLEY_STATE_DIR": str(state)}
        settings = load_orchestrator(configs / "orchestrator.yaml", environ={})
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ops.local_llm", "--model", model],
            cwd=paths.repository(),
            env={**os.environ, **own, "PYTHONPATH": str(paths.repository())},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            if not any("ready:" in line for line in process.stderr):
                raise ParleyError(f"{model} did not start")
            yield settings, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.communicate()


async def _tried(model: str, settings: OrchestratorSettings, process: psutil.Process) -> MindResult:
    client = build_client(settings)
    try:
        plain = Asking(PLAIN, settings, client, process)
        with_tools = replace(plain, agent=WITH_TOOLS)
        answers = [await plain.answer(question) for question in questions()]
        answers += [await with_tools.answer(question) for question in tool_questions()]
        remarks = [MindQuestion("fragment", (text,), ".") for text in fragments()]
        replies = [await plain.answer(each) for each in remarks]
    finally:
        await client.close()
    return MindResult(
        model,
        answers,
        sum(bool(REFUSAL.search(reply.text.lower().replace("’", "'"))) for reply in replies),
        len(replies),
        _speed(settings, process),
    )


@dataclass(frozen=True)
class Asking:
    """Asks an agent over the model that `process` serves."""

    agent: Agent
    settings: OrchestratorSettings
    client: openai.AsyncClient
    process: psutil.Process

    async def answer(self, question: MindQuestion) -> MindAnswer:
        """What it says to the last turn, in a conversation of its own."""
        async with self._talking() as front:
            for turn in question.turns:
                text, calls, first = "", [], None
                begun = self._now()
                async for event in front.answer(turn):
                    if isinstance(event, TextDelta):
                        first = first or self._now()
                        text += event.text
                    elif isinstance(event, ToolStarted):
                        calls.append(event)
        took = [1000 * (then - before) for before, then in zip(begun, first or (), strict=False)]
        return MindAnswer(
            question.kind,
            _TURNS.join(question.turns),
            " ".join(text.split()),
            ", ".join(f"{call.name}({json.dumps(dict(call.arguments))})" for call in calls),
            judged(question, text, calls),
            *(round(took[0], 1), round(took[1], 1)) if took else (None, None),
        )

    def _now(self) -> tuple[float, float]:
        """Seconds: of the clock, and of the server's processor time."""
        return time.monotonic(), sum(self.process.cpu_times()[:2])

    @asynccontextmanager
    async def _talking(self) -> AsyncIterator[TextFront]:
        record = SessionRecord(
            id=uuid.uuid4().hex, channel="text", language="en", began_at_s=time.time()
        )
        async with conversing(
            self.agent, record, self.settings, client=self.client, store=MemoryStore()
        ) as conversation:
            front = TextFront(conversation, default_greeting=self.settings.agent.greeting)
            await front.greet()
            yield front


def _speed(settings: OrchestratorSettings, process: psutil.Process) -> MindSpeed:
    """Of 64 tokens in a row; the CPU time is the server's own, whatever else runs."""
    body = {
        "messages": [{"role": "user", "content": "Tell me about the sea."}],
        "max_tokens": 64,
        "ignore_eos": True,
        "temperature": 0,
    }
    request = urllib.request.Request(  # noqa: S310 - on the loopback
        f"{settings.llm_url}/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )

    def timed() -> tuple[float, float]:
        before = sum(process.cpu_times()[:2])
        with urllib.request.urlopen(request) as response:  # noqa: S310 - the same
            timings = json.loads(response.read())["timings"]
        return timings["predicted_per_second"], sum(process.cpu_times()[:2]) - before

    with suppress(psutil.Error):
        timed()  # reads the question
    runs = [timed() for _ in range(2)]
    return MindSpeed(
        round(max(speed for speed, _ in runs), 1),
        round(1000 * min(cpu_s for _, cpu_s in runs) / 64, 1),
        round(process.memory_info().rss / 1e6),
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return [
            {key: value or "" for key, value in row.items()}
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
