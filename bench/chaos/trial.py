"""One reply with one fault in the middle of it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.chaos.cases import Case, Hit, Strike
from bench.chaos.judging import Recognition, RecognizedReply, WordJudge
from bench.chaos.listening import Disturbance, ReplyListener
from bench.chaos.script import ChaosScript
from bench.chaos.system import System
from parley.audio import Audio
from parley.errors import SupervisorError

HANDED_OVER_S = 0.05
"""From the model's word to the worker's text: what it ended is being made into sound then."""


@dataclass(frozen=True, kw_only=True)
class ChaosTrial:
    """What a caller noticed of it. `hit_at_s`: after the first sound; None: nothing was hit."""

    case: str
    occasion: str
    hit: str
    hit_at_s: float | None
    making: bool
    """Whether the worker was making sound of the utterance when the blow fell."""
    moved: bool
    lost: tuple[str, ...]
    changed: tuple[str, ...]
    repeated: int
    gap_s: float | None
    """None: there was nothing to be heard of it; `problem` says why."""
    heard: str
    busy_percent: float
    """Of the machine, with everything on it, while the reply was heard."""
    problem: str | None
    kept: bool

    @classmethod
    def failed(cls, case: str, problem: str) -> "ChaosTrial":
        """One that broke off."""
        return cls(
            case=case,
            occasion="",
            hit="",
            hit_at_s=None,
            making=False,
            moved=False,
            lost=(),
            changed=(),
            repeated=0,
            gap_s=None,
            heard="",
            busy_percent=0.0,
            problem=problem,
            kept=False,
        )


@dataclass(frozen=True)
class HeardReply:
    """What was received of a reply, and how busy the machine was meanwhile."""

    audio: Audio
    busy_percent: float


@dataclass
class Stage:
    """Where the trials of one script are held."""

    system: System
    script: ChaosScript
    recognition: Recognition
    judge: WordJudge
    keep: Path | None

    async def undisturbed(self, listener: ReplyListener) -> RecognizedReply:
        """A reply that nothing happens to; the judge compares later ones with it."""
        heard = await self._heard(listener)
        reply = await self.recognized(heard, f"undisturbed-{len(self.judge.undisturbed) + 1}")
        self.judge.undisturbed.append(reply)
        return reply

    async def trial(self, case: Case, listener: ReplyListener, *, after_word: int) -> ChaosTrial:
        """Hits the system when the model has written so many words; mends it afterwards."""
        hit, hit_at_s, heard = await self.struck(case.strike, listener, after_word)
        mending = asyncio.create_task(mended(hit.mend))
        reply = await self.recognized(heard, f"{case.name}-word-{after_word}")
        problem = await mending
        return self.judged(
            case, reply, occasion=f"word {after_word}", hit=hit, hit_at_s=hit_at_s, problem=problem
        )

    async def later_trial(
        self, case: Case, listener: ReplyListener, *, occasion: str
    ) -> ChaosTrial:
        """A reply while the fault lasts."""
        heard = await self._heard(listener)
        reply = await self.recognized(heard, f"{case.name}-{occasion.replace(' ', '-')}")
        return self.judged(case, reply, occasion=occasion)

    async def struck(
        self, strike: Strike, listener: ReplyListener, after_word: int
    ) -> tuple[Hit, float, HeardReply]:
        """A reply that is hit: what was hit, when after the first sound, and what was heard."""
        hits: list[tuple[Hit, float]] = []
        loop = asyncio.get_running_loop()

        async def disturb() -> None:
            audible_at = loop.time()
            await self.system.storyteller.told(after_word + 1)  # only then is the sentence over
            await asyncio.sleep(HANDED_OVER_S)
            hit = await strike(self.system)
            hits.append((hit, hit.at - audible_at))

        heard = await self._heard(listener, disturb)
        ((hit, at_s),) = hits
        return hit, round(at_s, 2), heard

    def judged(
        self,
        case: Case,
        reply: RecognizedReply,
        *,
        occasion: str,
        hit: Hit | None = None,
        hit_at_s: float | None = None,
        problem: str | None = None,
    ) -> ChaosTrial:
        judgment = self.judge.judge(reply, since_s=hit_at_s or 0.0)
        if hit is not None and hit.moved is not case.moves:
            missed = "no other worker took over" if case.moves else "the utterance moved"
            problem = problem or missed
        kept = (
            problem is None
            and len(judgment.lost) <= case.lost
            and judgment.repeated <= case.repeated
            and judgment.gap_s <= case.gap_s
        )
        return ChaosTrial(
            case=case.name,
            occasion=occasion,
            hit=hit.target if hit is not None else "",
            hit_at_s=hit_at_s,
            making=hit.making if hit is not None else False,
            moved=hit.moved if hit is not None else False,
            lost=judgment.lost,
            changed=judgment.changed,
            repeated=judgment.repeated,
            gap_s=judgment.gap_s,
            heard=reply.text,
            busy_percent=reply.busy_percent,
            problem=problem,
            kept=kept,
        )

    async def _heard(
        self, listener: ReplyListener, disturb: Disturbance | None = None
    ) -> HeardReply:
        psutil.cpu_percent()  # the next one counts from here
        audio = await listener.hear(self.script.text, disturb)
        return HeardReply(audio, busy_percent=psutil.cpu_percent())

    async def recognized(self, heard: HeardReply, name: str) -> RecognizedReply:
        if self.keep is not None:
            (self.keep / f"{name}.wav").write_bytes(heard.audio.wav())
        text, errors = await asyncio.to_thread(self.recognition.hear, heard.audio, self.script.text)
        return RecognizedReply(heard.audio, text, errors, heard.busy_percent)


async def mended(mend: Callable[[], Awaitable[None]]) -> str | None:
    """Mends; the reason where that was not possible."""
    try:
        await mend()
    except SupervisorError as error:
        return str(error)
    return None
