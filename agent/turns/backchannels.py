"""Telling a murmur of agreement from words that want the floor, by what was said.

Ruled on the back-channels that the Switchboard dialogue-act coders list (label `b`, Jurafsky,
Shriberg and Biasca, 1997): "uh-huh", "yeah", "right", "okay", "i see" and their kin make up over
nine tenths of it. Spelled here as Whisper writes them. docs/turn-taking.md states the accuracy.
"""

import re

from parley.app.turn_policy import Meaning

_ONE_WORD = frozenset(
    """
    ah aha alright aw cool eh exactly fine gotcha great ha haha heh hm hmm hmmm huh indeed
    interesting m mhm mhmm mm mmhm mmhmm mmm mmmm nice oh ok okay okey ooh ow right sure totally
    true uh uhhuh uhuh uhum um umhm wow ya yah yea yeah yeap yep yes yup absolutely definitely
    certainly really
    """.split()
)
_PHRASES = frozenset(
    {
        "all right", "fair enough", "for sure", "go on", "got it", "i know", "i see",
        "i understand", "makes sense", "mm hm", "mm hmm", "m hm", "of course", "oh i see",
        "oh okay", "oh really", "oh yeah", "sounds good", "that makes sense", "that's right",
        "that's true", "uh huh", "very good", "yeah i know", "you know",
    }
)  # fmt: skip
_NOISE = frozenset(
    {
        "bye", "bye bye", "thank you", "thank you very much", "thanks", "thanks for watching",
        "the", "you", "so", "a", "i",
    }
)  # fmt: skip
"""What Whisper writes where hardly anything was voiced, as the faint parts of its training data
ended."""
_ANSWERS = frozenset(
    "yes yeah yep yup yea sure ok okay right exactly absolutely definitely".split()
)
_ASKING = frozenset(
    """
    actually because but can could enough excuse hang hello hey hold how if listen no nope pause
    please quiet sorry stop then wait what when where which who why
    """.split()
)
"""First words that ask for the floor however short they are: of commands, questions and doubts."""
_LONGEST_WORDS = 4
CLEAR_CONFIDENCE = 0.33
"""Below it Whisper has made a word of a sound: "mm-hmm" comes back as "Tum" or "Mohammed"."""
CLEAR_TELLING_CONFIDENCE = 0.2
"""The same for those that ask for the floor, and for more words than a murmur has."""
CLEAR_HUM_CONFIDENCE = 0.6
"""The same for what a hum is spelled as: "Emma", "Mom", "my mom", "Imam"."""
_LONGEST_MURMUR_WORDS = 1
LONGEST_HUM_S = 0.75
"""So much may be voiced of a hum."""
LONGEST_WORD_S = 0.34
"""The same for each word that is not drawn out: what lasts longer has sounds that the word has
not, as "replied he" has, of which recognition makes an unclear "Right"."""

_DRAWN_OUT = re.compile(r"[aehimnouwy]+")
"""Sounds without an end of their own: "yeah", "oh", "mm-hmm"."""
_HUM = re.compile(r"(?=.*m)[aehimnouy]+")
"""Vowels around a closed mouth."""
_WORD = re.compile(r"[\w']+")
_SOUND = re.compile(r"[\[(*♪].*?[\])*♪]")


def meaning(
    text: str,
    *,
    confidence: float = 1.0,
    voiced_s: float = 0.0,
    answers_question: bool = False,
) -> Meaning:
    """What `text`, heard while the agent speaks, wants.

    `confidence` is recognition's mean probability of a token, `voiced_s` how much of the speech was
    voiced: unclear words of little speech are a murmur, which recognition has no spelling for.
    `answers_question`: the agent has just asked something, so that a "yes" is an answer.
    """
    words = _WORD.findall(_SOUND.sub(" ", text.lower()).replace("-", " ").replace("’", "'"))
    if not words or (" ".join(words) in _NOISE and voiced_s <= LONGEST_WORD_S * len(words)):
        return Meaning.NOTHING
    if answers_question and words[0] in _ANSWERS:
        return Meaning.TURN
    known = len(words) <= _LONGEST_WORDS and _is_backchannel(words)
    if known and all(_DRAWN_OUT.fullmatch(word) for word in words):
        return Meaning.BACKCHANNEL
    clear_confidence, longest_s = _murmur(words, asked=answers_question)
    murmured = known if confidence >= clear_confidence else voiced_s <= longest_s
    return Meaning.BACKCHANNEL if murmured else Meaning.TURN


def _murmur(words: list[str], *, asked: bool) -> tuple[float, float]:
    """From which confidence on the words are what was said; how long a murmur is that they were
    made of, in seconds of voice."""
    if not asked and all(_HUM.fullmatch(word) for word in words):
        return CLEAR_HUM_CONFIDENCE, LONGEST_HUM_S
    if words[0] in _ASKING or len(words) > _LONGEST_MURMUR_WORDS:
        return CLEAR_TELLING_CONFIDENCE, LONGEST_WORD_S * len(words)
    return CLEAR_CONFIDENCE, LONGEST_WORD_S


def _is_backchannel(words: list[str]) -> bool:
    """Whether the words are one-word and two-word back-channels, one after the other."""
    if not words:
        return True
    if words[0] in _ONE_WORD and _is_backchannel(words[1:]):
        return True
    return any(
        " ".join(words[:count]) in _PHRASES and _is_backchannel(words[count:])
        for count in (2, 3)
        if len(words) >= count
    )
