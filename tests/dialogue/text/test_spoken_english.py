"""Kinds of text that voices stumble over: nothing is lost or made up, and nothing takes long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.text.languages import get
from dialogue.text.languages.english.romans import value_of
from dialogue.text.reading import read_out
from dialogue.text.spoken import TextSpeaker


def said(text: str) -> str:
    return TextSpeaker().speak(text).text


def read(text: str) -> str:
    return " ".join(spoken.text for spoken in read_out(text) if spoken.words)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        # Roman numerals, suffixes
        ("Richard III and Louis XVI", "Richard the third and Louis the sixteenth"),
        ("Super Bowl XLII, Act V", "Super Bowl forty-two, Act five"),
        ("In part I agree, and so do I.", "In part I agree, and so do I."),
        ("Plan B, a CD, Mr. X", "Plan B, a CD, Mister X"),
        # telephones, codes
        ("0800 123 4567", "zero eight zero zero, one two three, four five six seven"),
        ("The code to the door is 5521.", "The code to the door is five five two one."),
        ("Call 999, 112 or 000.", "Call nine nine nine, one one two or zero zero zero."),
        ("I paid 911 dollars.", "I paid nine hundred eleven dollars."),
        ("Use code SAVE20 today.", "Use code S A V E two zero today."),
        # arithmetic, minus, powers
        ("12 - 5 = 7, but pages 12-15",
         "twelve minus five equals seven, but pages twelve to fifteen"),
        ("10/5 = 2, but 1/5 of it", "ten divided by five equals two, but one fifth of it"),
        ("from -5 to –10", "from minus five to minus ten"),
        ("10⁻⁶ and 2^8", "ten to the power of minus six and two to the power of eight"),
        # LaTeX and dollars
        (r"$a^2 + b^2 = c^2$", "a squared plus b squared equals c squared"),
        (r"\(x = \frac{-b \pm \sqrt{b^2-4ac}}{2a}\)",
         "x equals minus b plus or minus the square root of b squared minus four a c over two a"),
        ("I have $5 and you have $7.", "I have five dollars and you have seven dollars."),
        # citations
        ("Rome is old [3][4].", "Rome is old."),
        ("See it【12†L3-L5】 now.", "See it now."),
        ("data[1] and list[0]", "data one and list zero"),
        # currencies, rates
        ("₹750 or NZ$12.50",
         "seven hundred fifty rupees or twelve New Zealand dollars and fifty cents"),
        ("€3.50/hr, $12/yr", "three euros and fifty cents an hour, twelve dollars a year"),
        ("a $20 bill costs $20", "a twenty dollar bill costs twenty dollars"),
        # streets
        ("12 Oak Dr., near St. John's St.", "twelve Oak Drive, near Saint John's Street."),
        ("Ask Dr. Smith. I live on Main St. It is big.",
         "Ask Doctor Smith. I live on Main Street. It is big."),
        ("Austin, TX 78701, OK?", "Austin, Texas seven eight seven zero one, OK?"),
        # angle brackets
        ("Dear <first name>, press <Enter>", "Dear first name, press Enter"),
        ("If a<b and c>d", "If a less than b and c greater than d"),
        ("<bob@x.com> and <br> and <title>", "bob at x dot com and and title"),
        # stage directions
        ("*nods slowly* Yes. *really* yes", "Yes. really yes"),
        ("[laughs] Ha. (see page 5)", "Ha. see page five"),
        # paths and code
        ("~/.bashrc or src/main.cpp", "tilde slash dot bashrc or src slash main dot cpp"),
        ("UDP/TCP, read/write, he/she", "UDP TCP, read slash write, he or she"),
        ("a && b || c, x != y", "a and b or c, x is not equal to y"),
        ("print(x) and a_b", "print x and a b"),
        # other places' numbers
        ("4,75 and 1.000.000 and 1 234 567",
         "four point seven five and one million and one million two hundred thirty-four thousand "
         "five hundred sixty-seven"),
        ("pages 1,2 and 3", "pages one, two and three"),
        ("2 1/4 cups", "two and a quarter cups"),
        # dates, ranges, units
        ("2023-12-31T23:59:00Z",
         "December thirty-first, twenty twenty-three, eleven fifty-nine P.M. UTC"),
        ("10-11am, Mon-Sat", "ten to eleven A.M., Monday to Saturday"),
        ("wait 30s in the 90s", "wait thirty seconds in the nineties"),
        ("1h30m, 2h 15min", "one hour thirty minutes, two hours fifteen minutes"),
    ],
)  # fmt: skip
def test_is_said(written: str, spoken: str) -> None:
    assert said(written) == spoken


@pytest.mark.parametrize(
    ("stretches", "spoken"),
    [
        (["Your code is ", "4821."], "Your code is four eight two one."),
        (["In France dial ", "112 "], "In France dial one one two"),
        (["It takes 2h ", "30m."], "It takes two hours thirty minutes."),
        (["We met Henry ", "VIII."], "We met Henry the eighth."),
        (["at 55 Maple ", "Dr. and on"], "at fifty-five Maple Drive and on"),
    ],
)
def test_what_was_said_before_a_stretch_tells_what_it_means(
    stretches: list[str], spoken: str
) -> None:
    speaker = TextSpeaker()
    assert " ".join(speaker.speak(stretch).text for stretch in stretches) == spoken


def test_words_of_another_script_are_told_of_once() -> None:
    assert read("你好 is hello. Also 您好 and привет.") == (
        "text in Chinese is hello. Also and text in Cyrillic."
    )
    german = " ".join(each.text for each in read_out("Das heißt 你好.", language=get("de")))
    assert german == "Das heißt chinesischer Text."


def test_greek_letters_are_symbols_and_greek_words_are_not() -> None:
    assert said("α and Δx") == "alpha and delta x"
    assert said("Αθήνα") == "text in Greek"


@pytest.mark.parametrize(
    "text",
    ["| Name | Age |\n|---|---|\n| Ann | 30 |", "| Name | Age |\n|:--|--:|\n| Ann | 30 |"],
)
def test_the_rows_and_cells_of_a_table_are_apart(text: str) -> None:
    assert said(text) == "Name, Age. Ann, thirty."


@pytest.mark.parametrize("numeral", ["IIII", "VX", "IC", "", "XIIV"])
def test_letters_that_are_no_numeral_have_no_value(numeral: str) -> None:
    assert value_of(numeral) is None


WORDS = st.lists(st.sampled_from("maple violet harbor quiet seven lamp".split()), min_size=1)


@given(
    WORDS,
    st.sampled_from(["<{}>", "x <{}> y", "<{}", "a<{}>", "<<{}>>", "({})", "[{}] ", "{{{}}}"]),
)
def test_no_word_between_brackets_is_lost(words: list[str], around: str) -> None:
    spoken = said(around.format(" ".join(words))).replace(".", "").split()
    assert [word for word in spoken if word in words] == words


@given(st.lists(st.sampled_from("north river/bank TCP/IP a/b /etc/hosts x.py w/o 1/2".split())))
def test_a_slash_is_never_an_or(words: list[str]) -> None:
    assert "or" not in said(" ".join(words)).split()


@pytest.mark.parametrize(
    "bomb",
    ["$x", "\\frac{", "\\frac", "x^", "a_", "【", "*sighs", "[1]", "<a b", "a/", "#a", "10-",
     "1 000 ", "²", "α", "\\(", "\\begin{a}", "St. ", "XI ", "Jan 1-", "code is 1 ", "0 12 ", "A1",
     "C:\\a", "|-", "1e5", "1x", "x<y ", "<title>", "<b ", "Henry I", "Mon-", "9am-", "2024-",
     "你", "1 1/2 ", "5 A St ", "a || ", "*nods and *", "1€-", "/mo", "1' ", "million lb "],
)  # fmt: skip
def test_a_long_stretch_of_anything_takes_linear_time(bomb: str) -> None:
    def cpu_s(characters: int) -> float:
        text = (bomb * characters)[:characters]
        began_s = time.process_time()
        TextSpeaker().speak(text)
        return time.process_time() - began_s

    short_s = min(cpu_s(1500) for _ in range(2))
    assert min(cpu_s(6000) for _ in range(2)) < 10 * short_s + 0.1  # quadratic: 16 times


@pytest.mark.parametrize("formula", ["^" * 900, r"\frac" * 200, "{" * 900, r"\sqrt[" * 100])
def test_a_formula_that_nobody_could_follow_is_given_up(formula: str) -> None:
    assert isinstance(said(f"$x = {formula}$"), str)
    assert isinstance(said(rf"\[{formula}\]"), str)
