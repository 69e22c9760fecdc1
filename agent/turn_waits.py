"""How long the end of a turn is waited for in one call: as the settings want it, longer for a
person who was cut off, and longer where their words ask for more."""

from dataclasses import replace
from typing import Protocol

from livekit.agents import AgentSession
from livekit.agents.voice.turn import EndpointingOptions

from agent.session import end_of_turn_policy, endpointing
from agent.stt import WorkerSTT
from agent.turns.barge_in import BargeIn
from agent.turns.end_of_turn import OPEN_S, WHOLE_S, looks_whole, wants_more
from agent.turns.turn_words import TurnWordsHeard
from dialogue.text.languages import Language
from parley.settings.turn import TurnSection


class SpokenLanguage(Protocol):
    @property
    def language(self) -> Language:
        """What is spoken with the agent that speaks now."""
        ...


class TurnWaits:
    """Tells the framework, or whoever judges turns in its place."""

    def __init__(
        self,
        turn: TurnSection,
        session: AgentSession[None],
        barge_in: BargeIn,
        hearing: WorkerSTT | None,
        speech: SpokenLanguage,
    ) -> None:
        """`session` and `hearing` were made with the same settings."""
        self._turn = turn
        self._session = session
        self._cut_offs = barge_in.cut_offs
        self._turn_ends = hearing.turn_ends if hearing is not None else None
        self._barge_in, self._speech = barge_in, speech
        self._is_open = self._is_whole = False
        self._told = endpointing(turn)
        self._cut_offs.on_change = self._tell
        if hearing is not None and not hearing.ends_turns:  # else the words are judged already
            hearing.on_words = self.heard

    def judge_by(self, turn: TurnSection) -> None:
        """Another agent speaks, who wants it otherwise."""
        self._turn = turn
        self._tell()

    def heard(self, text: str) -> None:
        """What was said by a pause, as recognized."""
        words = TurnWordsHeard.of(text, self._speech.language.turns, asked=self._barge_in.asked)
        known = wants_more(words), looks_whole(words)
        if known != (self._is_open, self._is_whole):
            self._is_open, self._is_whole = known
            self._tell()

    def _tell(self) -> None:
        learned_s = 0.0 if self._turn.endpointing == "fixed" else self._cut_offs.wait_s
        if self._turn_ends is not None:
            policy = end_of_turn_policy(self._turn)
            shortest_s = min(max(policy.shortest_s, learned_s), policy.longest_s)
            self._turn_ends.judge_by(replace(policy, shortest_s=shortest_s))
            learned_s = 0.0
        elif self._is_open and self._turn.endpointing == "dynamic":
            learned_s = max(learned_s, OPEN_S)
        wanted = _at_least(endpointing(self._turn), learned_s)
        if self._is_whole and self._turn.endpointing == "dynamic":
            wanted["max_delay"] = max(min(wanted["max_delay"], WHOLE_S), wanted["min_delay"])
        if wanted != self._told:  # else what the framework has learned of the pauses stays
            self._told = wanted
            self._session.update_options(endpointing_opts=wanted)


def _at_least(options: EndpointingOptions, wait_s: float) -> EndpointingOptions:
    shortest_s = min(max(options["min_delay"], wait_s), options["max_delay"])
    return {**options, "min_delay": shortest_s}
