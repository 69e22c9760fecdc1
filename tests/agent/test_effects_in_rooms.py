"""Orders by voice, with pauses inside the sentence: none on half of one, none twice, none lost."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from aiohttp import web

from caller import measure
from caller.client import RoomClient
from caller.conversation import CallConversation, settled
from ops.supervisor.stack import Stack
from parley.audio import Audio, Samples
from parley.clock import monotonic
from testkit.fake_llm import (
    FakeLlm,
    Messages,
    ScriptedAnswer,
    ScriptedToolCall,
    last_user_text,
    tool_results,
)
from tests.agent.app_rooms import LONG_S, agent_words
from tests.agent.conftest import ServedApps
from tests.agent.room_apps import COUNTERS
from tests.agent.test_room import spoken

pytestmark = [pytest.mark.servers, pytest.mark.e2e]


@dataclass(frozen=True)
class Order:
    """A sentence in two halves; the second is known by one of its words."""

    first: str
    second: str
    second_word: str
    pause_s: float


ORDERS = [
    Order("I would like to order two bicycles", "and a yellow helmet.", "helmet", 0.3),
    Order("Please send me a saddle.", "And a bottle of oil.", "oil", 0.5),
    Order("I need a new lamp", "for the bicycle of my daughter.", "daughter", 0.7),
    Order("Order a pump for me.", "Not the small one, the big one.", "big", 1.0),
    Order("Can I have four tires?", "And one chain as well.", "chain", 0.9),
    Order("Send it to Berlin.", "No, wait, to Hamburg.", "hamburg", 0.6),
    Order("I want the red basket", "and the blue bag.", "blue", 0.4),
    Order("Please book a table for Monday.", "Or better for Tuesday.", "tuesday", 0.8),
    Order("Get me a ticket to London", "at seven in the morning.", "morning", 1.0),
    Order("I would like a coffee.", "With milk.", "milk", 0.7),
    Order("Please order three pizzas.", "And a salad for my wife.", "salad", 0.3),
    Order("Reserve a room for Friday", "for two people, please.", "people", 0.5),
    Order("I take the green jacket.", "In the size of my brother.", "brother", 1.0),
    Order("Send flowers to my mother", "on the first of June.", "june", 0.9),
    Order("Order ten chairs.", "And five tables.", "table", 0.6),
    Order("I need a taxi to the station.", "At half past two, please.", "please", 0.8),
    Order("Please bring the newspaper", "and some fresh bread.", "bread", 0.4),
    Order("I would like to buy a guitar.", "And a book for beginners.", "book", 0.7),
    Order("Cancel the meeting on Sunday.", "Only the one with Peter.", "peter", 1.0),
    Order("Put a camera on my list.", "And a battery for it.", "battery", 0.5),
]  # fmt: skip
TURNS_IN_A_CALL = 5


@dataclass(frozen=True)
class Placed:
    at_s: float
    """On the caller's clock."""
    text: str


@dataclass
class OrderService:
    placed: dict[str, list[Placed]] = field(default_factory=lambda: {each: [] for each in COUNTERS})
    """At each counter."""

    async def place(self, request: web.Request) -> web.Response:
        order = Placed(monotonic(), await request.text())
        self.placed[request.match_info["counter"]].append(order)
        return web.Response(text="thank you")

    @asynccontextmanager
    async def running(self, port: int) -> AsyncGenerator[None]:
        app = web.Application()
        app.add_routes([web.post("/orders/{counter}", self.place)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield
        finally:
            await runner.cleanup()


def orders_what_was_said(messages: Messages) -> ScriptedAnswer:
    if tool_results(messages):
        return ScriptedAnswer(text="I have ordered it.")
    return ScriptedAnswer(calls=[ScriptedToolCall("order", {"text": last_user_text(messages)})])


@dataclass(frozen=True)
class Outcome:
    order: Order
    placed: tuple[Placed, ...]
    second_half: tuple[float, float]
    """When it was spoken, from its first sound to its last, on the caller's clock."""
    spoke_into: str
    """What the agent began to say before the sentence was over."""

    @property
    def on_half_a_sentence(self) -> list[Placed]:
        return [each for each in self.placed if each.at_s < self.second_half[1]]

    @property
    def partial(self) -> list[Placed]:
        """Placed after the sentence, and still without its second half: neither its word is in it
        nor, where that was misheard, more words than the first half has."""
        late = [each for each in self.placed if each.at_s >= self.second_half[1]]
        longest = len(self.order.first.split()) + 1
        return [
            each
            for each in late
            if self.order.second_word not in each.text.lower() and len(each.text.split()) <= longest
        ]

    def line(self) -> str:
        placed = "; ".join(
            f"{each.at_s - self.second_half[1]:+.1f} s: {each.text}" for each in self.placed
        )
        words = f"{self.order.first} | {self.order.second}"
        early = f" (spoke into it: {self.spoke_into})" if self.spoke_into else ""
        return f"{self.order.pause_s:.1f} s  {words:<62} {placed or 'nothing'}{early}"


@dataclass(frozen=True)
class Halves:
    audio: Audio
    second: tuple[int, int]
    """Of the samples: the second half's first sound and its last."""


def speech_of(audio: Audio) -> Samples:
    sounds = measure.sounds(audio.samples, audio.sample_rate_hz, measure.AUDIBLE_DBFS)
    return audio.samples[sounds[0].start : sounds[-1].end]


async def in_halves(stack: Stack, order: Order) -> Halves:
    """The sentence with a silence of its pause between the last sound and the next."""
    rate_hz = 48_000
    first, second = [
        speech_of((await spoken(stack, half)).resampled(rate_hz))
        for half in (order.first, order.second)
    ]
    silence = np.zeros(round(order.pause_s * rate_hz), np.int16)
    start = len(first) + len(silence)
    samples = np.concatenate([first, silence, second])
    return Halves(Audio(samples, rate_hz), (start, start + len(second)))


async def take_turn(
    client: RoomClient, placed: Sequence[Placed], order: Order, halves: Halves
) -> Outcome:
    began_s, before = client.clock(), len(placed)
    first_sample = await client.speak(halves.audio)
    start, end = (client.microphone.time_of(first_sample + at) for at in halves.second)

    def is_answered() -> bool:
        said = agent_words(client, since_s=began_s)
        return "ordered" in said and client.clock() > end and settled(client)

    await client.reached(is_answered, timeout_s=LONG_S / 2)
    return Outcome(
        order=order,
        placed=tuple(placed[before:]),
        second_half=(start, end),
        spoke_into=client.transcripts.said_by(client.agent_identity, since_s=began_s, until_s=end),
    )


@pytest.mark.timeout(900)  # twenty turns in real time
async def test_orders_with_pauses_inside_have_their_effect_once_and_whole(
    served_apps: ServedApps,
) -> None:
    """Orders are taken at two counters at once, each in calls of its own."""
    service, outcomes, rooms = OrderService(), list[Outcome](), served_apps.rooms
    calls = [ORDERS[at : at + TURNS_IN_A_CALL] for at in range(0, len(ORDERS), TURNS_IN_A_CALL)]

    async def at(counter: str, calls: Sequence[Sequence[Order]]) -> None:
        for orders in calls:
            spoken_orders = [await in_halves(rooms.stack, order) for order in orders]
            async with rooms.caller(app=counter) as client:
                await CallConversation(client).hear_greeting()
                for order, halves in zip(orders, spoken_orders, strict=True):
                    outcome = await take_turn(client, service.placed[counter], order, halves)
                    outcomes.append(outcome)

    async with (
        service.running(served_apps.orders_port),
        rooms.answering(FakeLlm(orders_what_was_said)),
        asyncio.TaskGroup() as counters,
    ):
        for number, counter in enumerate(COUNTERS):
            counters.create_task(at(counter, calls[number :: len(COUNTERS)]))
    lines = [outcome.line() for outcome in outcomes]
    print("\n" + "\n".join(lines))  # the table

    def those(wrong: Callable[[Outcome], object]) -> list[str]:
        return [outcome.line() for outcome in outcomes if wrong(outcome)]

    assert those(lambda o: o.on_half_a_sentence) == []
    assert those(lambda o: len(o.placed) > 1) == []
    assert those(lambda o: not o.placed) == []
    assert those(lambda o: o.partial) == []
