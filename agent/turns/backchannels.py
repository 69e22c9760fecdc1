"""Telling a murmur of agreement from words that want the floor, by what was said.

The rule is every language's; the words are the language's own (`dialogue/text/languages`).
docs/turn-taking.md states the accuracy.
"""

import re

from agent.turns.hum import LONGEST_HUM_S, is_hum
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.languages.language import BackchannelWords, Language
from parley.app.turn_policy import Meaning

_LONGEST_WORDS = 5
_LONGEST_PHRASE_WORDS = 4
CLEAR_CONFIDENCE = 0.33
"""Below it Whisper has made a word of a sound: "mm-hmm" comes back as "Tum" or "Mohammed"."""
CLEAR_TELLING_CONFIDENCE = 0.2
"""The same for those that ask for the floor, and for more words than a murmur has."""
CLEAR_HUM_CONFIDENCE = 0.6
"""The same for what a hum is spelled as: "Emma", "Mom", "my mom", "Imam"."""
_LONGEST_MURMUR_WORDS = 1
LONGEST_WORD_S = 0.34
"""The same for each word that is not drawn out: what lasts longer has sounds that the word has
not, as "replied he" has, of which recognition makes an unclear "Right"."""

_WORD = re.compile(r"[\w']+")
_SOUND = re.compile(r"[\[(*♪].*?[\])*♪]")


def meaning(
    text: str,
    *,
    confidence: float = 1.0,
    voiced_s: float = 0.0,
    dark_share: float = 0.0,
    answers_question: bool = False,
    goes_on: bool = False,
    language: Language = ENGLISH,
) -> Meaning:
    """What `text`, heard while the agent speaks, wants.

    `confidence` is recognition's mean probability of a token, `voiced_s` how much of the speech was
    voiced: unclear words of little speech are a murmur, which recognition has no spelling for; and
    `dark_share` how much of that a closed mouth can have made.
    `answers_question`: the agent has just asked something, so that a "yes" is an answer. `goes_on`:
    more words may come, and "that's" may become a murmur.
    `language`: what is spoken.
    """
    listener = language.backchannels
    words = words_of(_SOUND.sub(" ", text))
    if not words or (" ".join(words) in listener.noise and voiced_s <= LONGEST_WORD_S * len(words)):
        return Meaning.NOTHING
    if answers_question and _answers(words, listener):
        return Meaning.TURN
    hummed = is_hum(voiced_s, dark_share)
    if hummed and not answers_question and _cannot_be_hummed(words, listener):
        return Meaning.BACKCHANNEL
    known = len(words) <= _LONGEST_WORDS and _is_backchannel(words, listener)
    if known and all(listener.drawn_out.fullmatch(word) for word in words):
        return Meaning.BACKCHANNEL
    clear_confidence, longest_s = _murmur(words, listener, asked=answers_question)
    murmured = known if confidence >= clear_confidence else voiced_s <= longest_s
    if murmured:
        return Meaning.BACKCHANNEL
    undecided = goes_on and len(words) < _LONGEST_WORDS and _may_become_one(words, listener)
    return Meaning.UNDECIDED if undecided else Meaning.TURN


def words_of(text: str) -> list[str]:
    """Its words as the tables of a language have them."""
    return _WORD.findall(text.lower().replace("-", " ").replace("’", "'"))


def _cannot_be_hummed(words: list[str], listener: BackchannelWords) -> bool:
    """Whether the words are not what a hum was: not all of them sound as dark, and they are none
    that one had better not miss."""
    return words[0] not in listener.asking and not listener.dark.issuperset(words)


def _murmur(words: list[str], listener: BackchannelWords, *, asked: bool) -> tuple[float, float]:
    """From which confidence on the words are what was said; how long a murmur is that they were
    made of, in seconds of voice."""
    if not asked and all(listener.hum.fullmatch(word) for word in words):
        return CLEAR_HUM_CONFIDENCE, LONGEST_HUM_S
    if words[0] in listener.asking or len(words) > _LONGEST_MURMUR_WORDS:
        return CLEAR_TELLING_CONFIDENCE, LONGEST_WORD_S * len(words)
    return CLEAR_CONFIDENCE, LONGEST_WORD_S


def _is_backchannel(words: list[str], listener: BackchannelWords) -> bool:
    """Whether the words are one-word and two-word back-channels, one after the other."""
    if not words:
        return True
    if words[0] in listener.one_word and _is_backchannel(words[1:], listener):
        return True
    return _assesses(words, listener) or any(
        " ".join(words[:count]) in listener.phrases and _is_backchannel(words[count:], listener)
        for count in range(2, min(_LONGEST_PHRASE_WORDS, len(words)) + 1)
    )


def _answers(words: list[str], listener: BackchannelWords) -> bool:
    """Whether they say yes to a question, or what is thought of what it was about."""
    return words[0] in listener.answers or any(
        _assesses(words[first:], listener) for first in range(len(words))
    )


def _assesses(words: list[str], listener: BackchannelWords) -> bool:
    rest = _judgment_of(words, listener)
    return len(rest) == 1 and rest[0] in listener.assessments.judgments


def _judgment_of(words: list[str], listener: BackchannelWords) -> list[str]:
    """What is left of an assessment after its openings and degrees."""
    rest = words
    while rest:
        if " ".join(rest[:2]) in listener.assessments.openings:
            rest = rest[2:]
        elif rest[0] in listener.assessments.openings or (
            len(rest) > 1 and rest[0] in listener.assessments.degrees
        ):
            rest = rest[1:]
        else:
            break
    return rest


def _may_become_one(words: list[str], listener: BackchannelWords) -> bool:
    """Whether the words begin back-channels that have not been said to their end."""
    if not words or (
        len(words) == 1 and words[0] in listener.asking - listener.assessments.openings
    ):
        return False  # "no" is heard at once, though there is "no doubt"
    rest = _judgment_of(words, listener)
    if not rest or (len(rest) == 1 and rest[0] in listener.assessments.degrees):
        return True
    begun = " ".join(words) + " "
    longer = listener.phrases | listener.assessments.openings
    if any(phrase.startswith(begun) for phrase in longer):
        return True
    if words[0] in listener.one_word and _may_become_one(words[1:], listener):
        return True
    return any(
        " ".join(words[:count]) in listener.phrases and _may_become_one(words[count:], listener)
        for count in range(2, min(_LONGEST_PHRASE_WORDS, len(words)) + 1)
    )
