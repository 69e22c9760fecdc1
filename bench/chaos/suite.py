"""The course of the suite: undisturbed replies, then every case, each in a call of its own."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.chaos.cases import Case
from bench.chaos.judging import Recognition, WordJudge
from bench.chaos.listening import ReplyListener, calling
from bench.chaos.script import LONG, SHORT, ChaosScript
from bench.chaos.system import running
from bench.chaos.trial import ChaosTrial, Stage, mended
from caller.errors import CallError
from parley import models
from parley.errors import SupervisorError

RECOGNISER = "whisper-base"
MOST_UNRECOGNISED = 0.1
"""Of the words of an undisturbed reply; where more are not understood, nothing can be judged."""
POOL_ASKS_S = 2.5
"""The agent asks every worker once a second, and knows after this which are back; by then it has
also made a new process for the next call."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How much is tried."""

    script: ChaosScript
    undisturbed: int
    redis_away_s: float

    @classmethod
    def full(cls) -> "Plan":
        return cls(ChaosScript.of(LONG, sentences=(0, 1, 3)), undisturbed=3, redis_away_s=60.0)

    @classmethod
    def short(cls) -> "Plan":
        return cls(ChaosScript.of(SHORT, sentences=(2,)), undisturbed=1, redis_away_s=10.0)


@dataclass
class Suite:
    """Runs the cases; `tell` is given a line for each step."""

    cases: Sequence[Case]
    plan: Plan
    keep: Path | None
    tell: Tell
    trials: list[ChaosTrial] = field(default_factory=list)

    async def run(self, folder: Path) -> None:
        """Fills `trials`. Raises ParleyError where Parley cannot be started or judged at all."""
        self.tell("starting LiveKit, the agent and the workers")
        recognition = await asyncio.to_thread(_recognition)
        needs_redis = any(case.needs_redis for case in self.cases)
        hears = any(case.hears for case in self.cases)
        async with running(folder, with_redis=needs_redis, hears=hears) as system:
            stage = Stage(
                system, self.plan.script, recognition, WordJudge(self.plan.script.text), self.keep
            )
            async with calling(system.access(), system.storyteller) as listener:
                for number in range(1, self.plan.undisturbed + 1):
                    self.tell(f"undisturbed reply {number} of {self.plan.undisturbed}")
                    reply = await stage.undisturbed(listener)
                    missed = len(reply.errors.lost | reply.errors.changed) / len(
                        self.plan.script.text.split()
                    )
                    if missed > MOST_UNRECOGNISED:
                        raise CallError(
                            f"an undisturbed reply was recognized as {reply.text!r}: "
                            "what is lost in a disturbed one could not be told"
                        )
            for case in self.cases:
                await self._run(case, stage)

    async def _run(self, case: Case, stage: Stage) -> None:
        try:
            async with calling(stage.system.access(), stage.system.storyteller) as listener:
                if case.outlasts:
                    await self._outlasting(case, stage, listener)
                    return
                for after_word in self.plan.script.hits:
                    self.tell(f"{case.name}: {case.summary}, after word {after_word}")
                    await asyncio.sleep(POOL_ASKS_S)
                    self.trials.append(await stage.trial(case, listener, after_word=after_word))
        except (CallError, SupervisorError) as failure:
            self.trials.append(ChaosTrial.failed(case.name, str(failure)))
            await stage.system.restore()

    async def _outlasting(self, case: Case, stage: Stage, listener: ReplyListener) -> None:
        """A fault that begins in a reply and lasts through later ones, one in a new call."""
        system, loop = stage.system, asyncio.get_running_loop()
        self.tell(f"{case.name}: {case.summary}")
        await asyncio.sleep(POOL_ASKS_S)
        after_word = self.plan.script.hits[0]
        hit, hit_at_s, heard = await stage.struck(case.strike, listener, after_word)
        until = loop.time() + self.plan.redis_away_s
        reply = await stage.recognized(heard, f"{case.name}-word-{after_word}")
        trials = [
            stage.judged(case, reply, occasion=f"word {after_word}", hit=hit, hit_at_s=hit_at_s)
        ]
        async with calling(system.access(), system.storyteller) as newcomer:
            await asyncio.sleep(POOL_ASKS_S)
            trials.append(await stage.later_trial(case, newcomer, occasion="a new call"))
        while loop.time() < until:
            occasion = f"reply {len(trials) + 1} meanwhile"
            trials.append(await stage.later_trial(case, listener, occasion=occasion))
        problem = await mended(hit.mend)
        trials.append(await stage.later_trial(case, listener, occasion="afterwards"))
        if problem is not None:
            trials[-1] = replace(trials[-1], problem=problem, kept=False)
        self.trials.extend(trials)


def _recognition() -> Recognition:
    return Recognition(models.ensure(RECOGNISER), threads=2)
