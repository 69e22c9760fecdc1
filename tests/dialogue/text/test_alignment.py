"""The transcript stays as written, and each of its words knows when it is heard."""

from hypothesis import given
from hypothesis import strategies as st

from dialogue.text.alignment import TimedText, align
from dialogue.text.spoken import TextSpeaker
from parley.speech import WordTiming


def heard(text: str) -> list[WordTiming]:
    """A voice that takes 100 samples for each word it is given."""
    return [WordTiming(word, 100 * n, 100 * n + 90) for n, word in enumerate(text.split())]


def aligned(readable: str) -> list[TimedText]:
    spoken = TextSpeaker().speak(readable)
    return align(spoken, heard(spoken.text))


def test_each_word_has_its_time() -> None:
    assert aligned("Good morning, all.") == [
        TimedText("Good ", 0, 90),
        TimedText("morning, ", 100, 190),
        TimedText("all.", 200, 290),
    ]


def test_five_dollars_are_heard_where_the_page_shows_the_sign() -> None:
    assert aligned("It costs $5 today")[2] == TimedText("$5 ", 200, 390)


def test_a_date_of_three_words_is_one_piece() -> None:
    assert TimedText("March 5, 2024, ", 100, 490) in aligned("On March 5, 2024, we met.")


def test_what_is_not_said_goes_with_the_word_before_it() -> None:
    assert aligned("ok 😀 yes") == [TimedText("ok 😀 ", 0, 90), TimedText("yes", 100, 190)]
    assert aligned("😀 yes") == [TimedText("😀 yes", 0, 90)]


def test_a_text_without_times_is_still_a_transcript() -> None:
    assert align(TextSpeaker().speak("all of it"), []) == [TimedText("all of it")]


def test_words_that_a_voice_leaves_out_do_not_shift_the_others() -> None:
    spoken = TextSpeaker().speak("one two three four")
    timings = [timing for timing in heard(spoken.text) if timing.word != "two"]
    assert align(spoken, timings) == [
        TimedText("one two ", 0, 90),
        TimedText("three ", 200, 290),
        TimedText("four", 300, 390),
    ]


@given(st.text(max_size=200), st.data())
def test_the_pieces_are_the_text_in_the_order_of_their_times(
    readable: str, data: st.DataObject
) -> None:
    spoken = TextSpeaker().speak(readable)
    timings = [timing for timing in heard(spoken.text) if data.draw(st.booleans())]
    pieces = align(spoken, timings)
    assert "".join(piece.text for piece in pieces) == readable
    starts = [piece.start_sample for piece in pieces if piece.start_sample is not None]
    assert starts == sorted(starts)
