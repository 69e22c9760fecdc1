"""A model that writes slower than it is spoken is heard in pieces, and never long not at all."""

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from agent.playout.stretches import ONE_WORD_S, PAUSE_S, ReplyStretches
from agent.playout.token_rate import STALL_S
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from dialogue.text.languages.german import LANGUAGE as GERMAN
from dialogue.text.segmenter import ClauseSegmenter

VOICE_S = 0.2
"""What the voice takes to begin."""
DINNER = (
    "That sounds like a lovely dinner, with all that stew and the warm bread from the bakery on "
    "the corner of your street. I would begin with the onions and let them cook for a while. "
    "Then add the rest and wait."
)
STORY = (
    "Once upon a time there was a small fox who lived at the edge of a very old forest and who "
    "never in all her life had seen the sea which lies behind the hills"
)
ANTWORT = (
    "Das klingt nach einem wunderbaren Abendessen mit dem Eintopf und dem warmen Brot aus der "
    "Bäckerei an der Ecke. Ich würde mit den Zwiebeln beginnen, und dann kommt der Rest dazu."
)


@dataclass
class Reply:
    """A model that writes on a turned clock, and a voice that speaks what it is given."""

    text: str
    times_s: list[float]
    language: object = ENGLISH
    now_s: float = 0.0
    spoken: list[tuple[float, str]] = field(default_factory=list)

    def play(self) -> "Reply":
        language = GERMAN if self.language is GERMAN else ENGLISH
        stretches = ReplyStretches(ClauseSegmenter(3, language), language, clock=lambda: self.now_s)

        def speak(due: list[str]) -> None:
            for text in due:
                self.spoken.append((self.now_s, text))
                stretches.spoke(text)

        words = self.text.split(" ")
        tokens = [f" {word}" if n else word for n, word in enumerate(words)]
        for token, at_s in zip(tokens, self.times_s, strict=True):
            while (wait_s := stretches.wait_s) is not None and self.now_s + wait_s < at_s:
                self.now_s += wait_s
                speak(stretches.waited())
            self.now_s = at_s
            speak(stretches.wrote(token))
        speak(stretches.finish())
        assert "".join(text for _, text in self.spoken) == self.text
        return self

    @property
    def silences_s(self) -> list[float]:
        """Before each piece but the last, which comes when the model says that it has ended; the
        first counts from the first token."""
        silences, until_s = [], 0.0
        for at_s, text in self.spoken:
            begins_s = max(at_s + VOICE_S, until_s)
            silences.append(begins_s - until_s)
            until_s = begins_s + len(text.strip()) / ENGLISH.chars_per_s
        return silences


def evenly(text: str, word_s: float, **kind: object) -> Reply:
    times_s = [n * word_s for n in range(len(text.split(" ")))]
    return Reply(text, times_s, **kind).play()  # type: ignore[arg-type]


@pytest.mark.parametrize("word_s", [0.8, 1.0, 1.2, 1.4, 1.6])
@pytest.mark.parametrize("text", [DINNER, STORY])
def test_a_slow_model_is_heard_every_four_seconds_in_pieces_of_several_words(
    text: str, word_s: float
) -> None:
    reply = evenly(text, word_s)
    assert max(reply.silences_s) <= 4.0
    pieces = [piece for _, piece in reply.spoken[:-1]]
    assert all(len(piece.split()) >= 2 or piece.strip()[-1] in ",.;:!?" for piece in pieces)
    assert sum(len(piece.split()) for piece in pieces) / len(pieces) >= (3 if word_s <= 1.0 else 2)


def test_a_slow_german_model_too() -> None:
    reply = evenly(ANTWORT, 1.2, language=GERMAN)
    assert max(reply.silences_s) <= 4.0


def test_pieces_of_a_slow_model_end_where_one_would_breathe() -> None:
    pieces = [piece.split()[-1] for _, piece in evenly(STORY, 0.8).spoken[:-1]]
    assert not {"a", "the", "of"} & set(pieces)


def test_one_that_is_a_little_slow_has_its_sentences_spoken_whole_where_they_come_in_time() -> None:
    text = "I like tea. It grows on hills. You may try it."
    assert [piece for _, piece in evenly(text, 0.4).spoken] == [
        "I like tea. ",
        "It grows on hills. ",
        "You may try it.",
    ]


def test_a_quick_model_has_its_clauses_spoken_at_once() -> None:
    reply = evenly(DINNER, 0.02)
    assert reply.spoken[0][1] == "That sounds like "
    assert reply.spoken[0][0] <= 0.1
    assert len(reply.spoken) >= 4


def test_a_quick_model_that_pauses_has_what_there_is_spoken() -> None:
    words = STORY.split(" ")
    times_s = [0.02 * n + (2.0 if n >= 6 else 0.0) for n in range(len(words))]
    reply = Reply(STORY, times_s).play()
    before = [(at_s, text) for at_s, text in reply.spoken if at_s < 2.0]
    assert (
        "".join(text for _, text in before).split() == words[:4]
    )  # not "there", which belongs to what follows
    assert before[-1][0] <= 0.02 * 5 + PAUSE_S + 0.01


def test_one_stall_is_no_pace_and_several_are() -> None:
    words = DINNER.split(" ")
    once = Reply(DINNER, [0.02 * n + (STALL_S + 1) * (n >= 9) for n in range(len(words))]).play()
    assert once.now_s < 5 and len(once.spoken) >= 4
    slow = evenly(DINNER, STALL_S + 0.1)
    assert all(a[0] != b[0] for a, b in pairwise(slow.spoken[:-2]))


def test_one_word_is_not_kept_for_ever() -> None:
    now_s = 0.0
    stretches = ReplyStretches(ClauseSegmenter(3), ENGLISH, clock=lambda: now_s)
    assert stretches.wrote("So ") == []
    due = list[str]()
    while not due and (wait_s := stretches.wait_s) is not None:
        now_s += wait_s
        due = stretches.waited()
    assert due == ["So "] and now_s == pytest.approx(ONE_WORD_S)
