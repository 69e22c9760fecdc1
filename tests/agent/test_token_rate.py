"""Whether a model writes as fast as it is spoken, on a turned clock."""

from agent.playout.token_rate import STALL_S, TokenRate

TEXT = "That sounds like a lovely dinner, with all that stew,"


class Model:
    """Writes a text at an even pace."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.writing = TokenRate(clock=lambda: self.now_s)

    def writes(self, text: str, *, chars_per_s: float) -> None:
        for word in text.split():
            self.now_s += len(word) / chars_per_s
            self.writing.wrote(word + " ")


def test_a_quick_model_keeps_up_and_a_slow_one_does_not() -> None:
    for chars_per_s, keeps_up in ((60, True), (20, True), (8, False), (3, False)):
        model = Model()
        model.writes(TEXT, chars_per_s=chars_per_s)
        assert model.writing.keeps_up == keeps_up


def test_before_the_pace_is_known_it_keeps_up() -> None:
    model = Model()
    model.writes("Well now", chars_per_s=16)
    assert model.writing.keeps_up


def test_a_silence_is_no_pace() -> None:
    model = Model()
    model.writes(TEXT, chars_per_s=60)
    model.now_s += STALL_S + 1
    model.writes(TEXT, chars_per_s=60)
    assert model.writing.keeps_up


def test_silences_one_after_the_other_are_one() -> None:
    model = Model()
    for word in TEXT.split()[:3]:
        model.now_s += STALL_S + 0.1
        model.writing.wrote(f"{word} ")
    assert not model.writing.keeps_up


def test_a_pace_that_changes_is_noticed() -> None:
    model = Model()
    model.writes(TEXT * 3, chars_per_s=60)
    model.writes(TEXT * 2, chars_per_s=8)
    assert not model.writing.keeps_up
    model.writes(TEXT * 2, chars_per_s=60)
    assert model.writing.keeps_up
