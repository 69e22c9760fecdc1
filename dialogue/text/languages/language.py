"""What a language consists of: one frozen value that holds all of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dialogue.text.languages.rules.rule import Rule
from parley.app.agent import ExampleExchange
from parley.settings.orchestrator import AgentSection

_DEFAULTS = AgentSection()


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """What the agent says of itself: whole sentences, without space around them."""

    slow_model: Sequence[tuple[float, str]]
    """What is said, and after how many seconds of silence, while the model has no word yet."""
    slow_tool: Sequence[str]
    """Said one after the other while a tool runs."""
    apology: str
    """The model failed, and may answer when it is asked again."""
    no_answer: str
    """The model answered with nothing that could be said."""
    cut_short: str
    """Said where the answer broke off within a sentence because it was too long."""
    model_unconfigured: str
    """The model will not answer until somebody changes how it is set up: no key, no such model."""
    model_still_unconfigured: str
    """The same, once the person knows."""
    still_here: Sequence[str]
    """Said one after the other to who asks into the wait for an answer whether anybody is there."""
    tool_failed: str
    """A tool failed, and the model failed to say so."""
    approval_asked: str
    """What the person wants done waits until somebody has confirmed it."""
    cannot_hear: str
    """Recognition is away; the person can type."""
    hears_again: str
    """Recognition is back, and nothing was said meanwhile."""
    cannot_speak: str
    """No worker can speak: shown, and heard where the language has a recording of it."""
    still_there: Sequence[str]
    """Said one after the other when the person says nothing."""
    one_minute_left: str
    """Said a minute before the call ends because its time is over."""
    closing: str
    """Said before the agent hangs up."""
    resumed: str
    """Said when another process goes on with a conversation that was lost."""
    handed_off: str
    """Said before another agent takes over, if the model said nothing."""


@dataclass(frozen=True, kw_only=True)
class Assessments:
    """What a listener thinks of what they hear, with nothing to add: "that's really neat", "how
    nice". After a question it is an answer. An opening and degrees may be missing."""

    openings: frozenset[str]
    """Of one or two words: "that's", "that sounds"."""
    degrees: frozenset[str]
    """Of one word: "really"."""
    judgments: frozenset[str]
    """Of one word: "neat"."""


@dataclass(frozen=True, kw_only=True)
class BackchannelWords:
    """What a listener says without wanting the floor, and what asks for it.

    All in lower case, without punctuation, spelled as recognition writes it; hyphens are spaces.
    """

    one_word: frozenset[str]
    """Back-channels of one word: "mhm", "right"."""
    phrases: frozenset[str]
    """Back-channels of two to four words: "i see"."""
    assessments: Assessments
    noise: frozenset[str]
    """What recognition writes where hardly anything was voiced."""
    answers: frozenset[str]
    """First words of an answer to a question that the agent has just asked."""
    asking: frozenset[str]
    """Words that ask for the floor however short it is: commands, questions, doubts, denials."""
    drawn_out: re.Pattern[str]
    """Matches words made of sounds without an end of their own: "yeah", "oh"."""
    hum: re.Pattern[str]
    """Matches what a hum is spelled as: vowels around a closed mouth."""
    presence: frozenset[str]
    """What is asked into a silence to hear whether anybody is there: "hello", "can you hear me"."""
    beside_presence: frozenset[str]
    """Words that stand beside such a question and ask for nothing more: "sorry", "um"."""


@dataclass(frozen=True, kw_only=True)
class TurnWords:
    """What somebody's turn hardly ends in, and what is a whole one. All casefolded."""

    open: frozenset[str] = frozenset()
    """Words that want another after them: conjunctions, prepositions, articles, auxiliaries."""
    hesitations: frozenset[str] = frozenset()
    """What is said while the next word is looked for: "um"."""
    numbers: frozenset[str] = frozenset()
    """Words of numbers that are said one after the other: digits, tens, "double"."""
    numbered: frozenset[str] = frozenset()
    """What has a number that is said digit by digit: "phone", "code"."""
    answers: frozenset[str] = frozenset()
    """First words of a whole answer to a question, however short it is: "yes", "no"."""
    asking: frozenset[str] = frozenset()
    """Words that ask for one that then is missing elsewhere: "who", "where". A question with one of
    them may end in an open word ("What is it for?"), one without is cut off ("Can you book a table
    for?"). Empty: any question may."""
    endings: Mapping[str, int] = field(default_factory=dict)
    """How often what is said ends in a word, as log odds against words anywhere: counted in calls.
    Empty: nobody has counted."""


@dataclass(frozen=True, kw_only=True)
class SegmentWords:
    """What a stretch of speech does not end in. All casefolded, without their last full stop."""

    abbreviations: frozenset[str]
    """Their full stop ends no sentence."""
    ending_abbreviations: frozenset[str]
    """Their full stop ends a sentence when the next word is capitalized."""
    clinging: frozenset[str]
    """Words that belong to the next one."""
    abbreviation_endings: tuple[str, ...] = ()
    """Words that end so are abbreviations as well: "Hauptstr."."""
    capitalized_nouns: bool = False
    """Whether all nouns are written so: a capital then tells of no name, month or numeral."""
    dotted_ordinals: bool = False
    """Whether "3." is "third", so that a full stop after one or two digits ends no sentence."""

    def abbreviates(self, word: str) -> bool:
        """Whether the full stop after the word, casefolded, belongs to it."""
        return word in self.abbreviations or word.endswith(self.abbreviation_endings)


@dataclass(frozen=True, kw_only=True)
class SpokenRules:
    """How text that was written is said."""

    rules: tuple[Rule, ...]
    """Of those that match at a place the first one wins."""
    code_phrase: str
    """Said in place of a block of code."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Scripts that voices of this language cannot read (`rules/scripts.py` has their names), and
    what is said, once in a reply, in place of words written in one."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """Everything that belongs to one language."""

    code: str
    """ISO 639-1, in lower case: "en"."""
    name: str
    """In English: "German"."""
    own_name: str
    """In the language itself: "Deutsch"."""
    instructions: str
    """What the model is told first, unless the settings or the agent say something else."""
    tool_instructions: str = ""
    """In place of these for an agent that has tools: a small model that is told to be a friend
    calls none. Empty: the same."""
    examples: tuple[ExampleExchange, ...] = ()
    """Shown to the model behind these instructions, never behind others."""
    greeting: str
    """Said first, unless the settings or the agent say something else."""
    phrases: Phrases
    backchannels: BackchannelWords
    segments: SegmentWords
    spoken: SpokenRules
    turns: TurnWords = TurnWords()
    chars_per_s: float
    """Of its speech, counted in the text as a voice gets it: for pacing."""
    cannot_speak_recording: Path | None = None
    """`phrases.cannot_speak`, spoken: an audio file beside the language; None: the English one."""

    def instructions_for(self, configured: str, *, with_tools: bool = False) -> str:
        """The settings' instructions, or the language's own where nobody has changed those."""
        if configured != _DEFAULTS.instructions:
            return configured
        return (self.tool_instructions if with_tools else "") or self.instructions

    def examples_for(self, configured: str) -> tuple[ExampleExchange, ...]:
        """Those of the language, or none where the settings have instructions of their own."""
        return self.examples if configured == _DEFAULTS.instructions else ()

    def greeting_for(self, configured: str) -> str:
        """The settings' greeting, or the language's own where nobody has changed that."""
        return self.greeting if configured == _DEFAULTS.greeting else configured
