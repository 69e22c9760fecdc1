"""The default turn policy: murmurs, noises and words are told apart by what was said and how."""

from agent.turns.backchannels import CLEAR_TELLING_CONFIDENCE, meaning
from agent.turns.presence import asks_presence, may_ask_presence
from dialogue.text.languages import Language
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from parley.app.turn_policy import Meaning, Overlap


class WordPolicy:
    """A TurnPolicy by the tables of back-channels of the language that is spoken."""

    def __init__(self, language: Language = ENGLISH) -> None:
        self._language = language

    def meaning(self, overlap: Overlap) -> Meaning:
        if overlap.awaits_answer and overlap.confidence >= CLEAR_TELLING_CONFIDENCE:
            if asks_presence(overlap.text, self._language):
                return Meaning.PRESENCE
            if overlap.goes_on and self._may_ask_presence(overlap.text):
                return Meaning.UNDECIDED
        return meaning(
            overlap.text,
            confidence=overlap.confidence,
            voiced_s=overlap.voiced_s,
            hum=overlap.hum,
            answers_question=overlap.answers_question,
            over_silence=overlap.over_silence,
            goes_on=overlap.goes_on,
            language=self._language,
        )

    def _may_ask_presence(self, text: str) -> bool:
        """The last word of what goes on may yet be heard as another: "Are you still that"."""
        before_last, _, _ = text.rpartition(" ")
        readings = (text, before_last) if before_last else (text,)
        return any(may_ask_presence(each, self._language) for each in readings)
