"""The default turn policy: murmurs, noises and words are told apart by what was said and how."""

from agent.turns.backchannels import meaning
from parley.app.turn_policy import Meaning, Overlap


class WordPolicy:
    """A TurnPolicy by the tables of back-channels."""

    def meaning(self, overlap: Overlap) -> Meaning:
        return meaning(
            overlap.text,
            confidence=overlap.confidence,
            voiced_s=overlap.voiced_s,
            answers_question=overlap.answers_question,
        )
