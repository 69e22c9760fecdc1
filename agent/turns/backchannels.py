"""Telling a murmur of agreement from words that want the floor, by what was said and by its sound.

What a listener says is known by tables, the language's own (`dialogue/text/languages`). What
recognition makes of a hum is in none: there the sound, the words and how sure recognition is of
them are weighed together, with weights that are fitted (`./run bench floor --fit`) on what both
recognizers make of the same sounds, for they are sure in different ways.
docs/turn-taking.md states the accuracy.
"""

import math
import re
from difflib import SequenceMatcher
from functools import lru_cache

from agent.turns.overlap_weights import WORDS, WordWeights
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.languages.language import BackchannelWords, Language
from parley.app.turn_policy import Meaning

_LONGEST_WORDS = 5
_LONGEST_PHRASE_WORDS = 4
CLEAR_CONFIDENCE = 0.33
"""Below it recognition may have made a murmur that it knows of something else."""
CLEAR_TELLING_CONFIDENCE = 0.2
"""Enough for what asks whether anybody is there."""
CLEAR_ASKING_CONFIDENCE = 0.25
SURE_HUM = 0.9
"""A "stop" or a "no" that recognition is so sure of is heard, if it is not surely hummed."""
TURN_LOG_ODDS = -1.0
"""From which on words that no table knows want the floor: a person who is not heard minds it more
than one whose murmur cut a sentence."""
SURE_TURN_LOG_ODDS = 0.0
"""The same while the speech goes on: its next words are better, and the agent is silent already."""
_MOST_MORE_WORDS = 3
LEAST_ALIKE = 0.6
"""Any words have so much in common in their letters."""
_HUM_LOG_ODDS = 4.0
"""Beyond it a hum is as sure as it gets."""
LONGEST_WORD_S = 0.34
"""Of voice, for a word that is not drawn out: what lasts longer has sounds that the word has not,
as "replied he" has, of which recognition makes an unclear "Right"."""

_WORD = re.compile(r"[\w']+")
_SOUND = re.compile(r"[\[(*♪].*?[\])*♪]")


def meaning(
    text: str,
    *,
    confidence: float = 1.0,
    voiced_s: float = 0.0,
    hum: float = 0.5,
    answers_question: bool = False,
    over_silence: bool = False,
    goes_on: bool = False,
    language: Language = ENGLISH,
) -> Meaning:
    """What `text`, heard while the agent has the floor, wants.

    `confidence` is recognition's mean probability of a token, `voiced_s` how much of the speech was
    voiced, `hum` how likely it is a hum by its sound. `answers_question`: the agent has just asked
    something, so that a "yes" is an answer. `over_silence`: nothing of the agent sounds, so that
    nobody murmurs but in a murmur's own words. `goes_on`: more words may come, and "that's" may
    become a murmur. `language`: what is spoken.
    """
    listener = language.backchannels
    words = words_of(_SOUND.sub(" ", text))
    enough_s = LONGEST_WORD_S * len(words)
    if not words or (" ".join(words) in listener.noise and voiced_s <= enough_s):
        return Meaning.NOTHING
    if answers_question and _answers(words, listener):
        return Meaning.TURN
    known = len(words) <= _LONGEST_WORDS and _is_backchannel(words, listener)
    drawn_out = all(listener.drawn_out.fullmatch(word) for word in words)
    if known and (drawn_out or confidence >= CLEAR_CONFIDENCE or voiced_s <= enough_s):
        return Meaning.BACKCHANNEL
    if goes_on and len(words) < _LONGEST_WORDS and _may_become_one(words, listener):
        return Meaning.UNDECIDED
    asks = words[0] in listener.asking and confidence >= CLEAR_ASKING_CONFIDENCE
    if answers_question or over_silence or known or (asks and hum < SURE_HUM):
        return Meaning.TURN
    enough, otherwise = (
        (SURE_TURN_LOG_ODDS, Meaning.UNDECIDED) if goes_on else (TURN_LOG_ODDS, Meaning.BACKCHANNEL)
    )
    log_odds = turn_log_odds(words, listener, confidence, voiced_s, hum)
    return Meaning.TURN if log_odds >= enough else otherwise


def turn_log_odds(
    words: list[str],
    listener: BackchannelWords,
    confidence: float,
    voiced_s: float,
    hum: float,
    weights: WordWeights = WORDS,
) -> float:
    """That words which no table knows as a murmur want the floor, where they do as often as not."""
    facts = word_facts(words, listener, confidence, voiced_s, hum)
    weighed = (float(getattr(weights, name)) * value for name, value in facts.items())
    return weights.bias + sum(weighed)


def word_facts(
    words: list[str], listener: BackchannelWords, confidence: float, voiced_s: float, hum: float
) -> dict[str, float]:
    """What WordWeights weighs, by its names."""
    surely = 1 / (1 + math.exp(-_HUM_LOG_ODDS))
    likely = min(max(hum, 1 - surely), surely)
    return {
        "hum": math.log(likely / (1 - likely)),
        "confidence": confidence,
        "more_words": float(min(len(words) - 1, _MOST_MORE_WORDS)),
        "asking": float(not listener.asking.isdisjoint(words)),
        "spelled_hum": float(
            all(listener.hum.fullmatch(word) or word in listener.one_word for word in words)
        ),
        "alike": max(0.0, _likeness(" ".join(words), listener) - LEAST_ALIKE),
        "longer": max(0.0, voiced_s - LONGEST_WORD_S * len(words)),
    }


def _likeness(text: str, listener: BackchannelWords) -> float:
    """To the murmur that is spelled most like it, 0 to 1: recognition makes "make sense" of one."""
    matcher, most = SequenceMatcher(autojunk=False), 0.0
    matcher.set_seq2(text)
    for murmur in _murmurs(listener):
        matcher.set_seq1(murmur)
        if matcher.real_quick_ratio() > most and matcher.quick_ratio() > most:
            most = max(most, matcher.ratio())
    return most


@lru_cache(maxsize=8)
def _murmurs(listener: BackchannelWords) -> tuple[str, ...]:
    """All that the tables have, and judgments with each opening."""
    assessed = {
        f"{opening} {judgment}"
        for opening in listener.assessments.openings
        for judgment in listener.assessments.judgments
    }
    return tuple(sorted(listener.one_word | listener.phrases | assessed))


def words_of(text: str) -> list[str]:
    """Its words as the tables of a language have them."""
    return _WORD.findall(text.lower().replace("-", " ").replace("’", "'"))


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
