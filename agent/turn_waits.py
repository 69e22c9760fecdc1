"""How long the end of a turn is waited for in one call: as the settings want it, and longer for a
person who was cut off."""

from dataclasses import replace

from livekit.agents import AgentSession
from livekit.agents.voice.turn import EndpointingOptions

from agent.session import end_of_turn_policy, endpointing
from agent.stt import WorkerSTT
from agent.turns.barge_in import BargeIn
from parley.settings.turn import TurnSection


class TurnWaits:
    """Tells the framework, or whoever judges turns in its place."""

    def __init__(
        self,
        turn: TurnSection,
        session: AgentSession[None],
        barge_in: BargeIn,
        hearing: WorkerSTT | None,
    ) -> None:
        """`session` and `hearing` were made with the same settings."""
        self._turn = turn
        self._session = session
        self._cut_offs = barge_in.cut_offs
        self._turn_ends = hearing.turn_ends if hearing is not None else None
        self._told = endpointing(turn)
        self._cut_offs.on_change = self._tell

    def judge_by(self, turn: TurnSection) -> None:
        """Another agent speaks, who wants it otherwise."""
        self._turn = turn
        self._tell()

    def _tell(self) -> None:
        learned_s = 0.0 if self._turn.endpointing == "fixed" else self._cut_offs.wait_s
        if self._turn_ends is not None:
            policy = end_of_turn_policy(self._turn)
            shortest_s = min(max(policy.shortest_s, learned_s), policy.longest_s)
            self._turn_ends.judge_by(replace(policy, shortest_s=shortest_s))
            learned_s = 0.0
        wanted = _at_least(endpointing(self._turn), learned_s)
        if wanted != self._told:  # else what the framework has learned of the pauses stays
            self._told = wanted
            self._session.update_options(endpointing_opts=wanted)


def _at_least(options: EndpointingOptions, wait_s: float) -> EndpointingOptions:
    shortest_s = min(max(options["min_delay"], wait_s), options["max_delay"])
    return {**options, "min_delay": shortest_s}
