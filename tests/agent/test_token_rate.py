"""A model that writes slower than it is spoken has whole sentences spoken."""

from agent.playout.token_rate import STALL_S, TokenRate


class Model:
    """Writes a text at an even pace on a turned clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.writing = TokenRate(clock=lambda: self.now_s)

    def writes(self, text: str, *, chars_per_s: float) -> None:
        for word in text.split():
            self.now_s += len(word) / chars_per_s
            self.writing.wrote(word + " ")


def test_a_quick_model_has_its_clauses_spoken() -> None:
    model = Model()
    model.writes("That sounds like a lovely dinner, with all that stew,", chars_per_s=60)
    assert model.writing.may_be_spoken(["That sounds like a lovely dinner, "])


def test_a_slow_one_has_its_sentences_spoken() -> None:
    model = Model()
    model.writes("That sounds like a lovely dinner, with all that stew,", chars_per_s=8)
    assert not model.writing.may_be_spoken(["That sounds like a lovely dinner, "])
    assert model.writing.may_be_spoken(["That sounds like a lovely dinner, ", "with stew.) "])


def test_the_first_words_are_spoken_before_the_pace_is_known() -> None:
    model = Model()
    model.writes("Well now", chars_per_s=16)
    assert model.writing.may_be_spoken(["Well now "])


def test_a_silence_is_no_pace() -> None:
    model = Model()
    model.writes("One moment please.", chars_per_s=8)
    model.now_s += STALL_S + 1
    model.writes("That sounds like a lovely dinner, with all that stew,", chars_per_s=60)
    assert model.writing.may_be_spoken(["That sounds like a lovely dinner, "])
