"""Numbers: cardinals, ordinals, decimals, years, fractions, digits one by one."""

import re

from dialogue.text.languages.rules import numerals
from dialogue.text.languages.rules.numerals import MAX_SPOKEN_DIGITS, in_threes
from dialogue.text.languages.rules.rule import Rule, rule

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
"""A number as written: 1,234,567.89 or 42. Has no groups."""
SIGNED_NUMBER = rf"(?:(?<![\w)%°])([-−–]))?(?<![\w.])({NUMBER})"
"""Groups: the minus sign or None, the number."""
_MAX_CARDINAL_DIGITS = 15

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DENOMINATORS = {2: "half", 4: "quarter"}
_VULGAR = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅛": (1, 8),
           "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
           "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅑": (1, 9),
           "⅒": (1, 10)}  # fmt: skip
_NUMBER_WORDS = "two|three|four|five|six|seven|eight|nine|ten"
_DECADE_BEFORE = re.compile(
    r"(?:\b(?:the|her|his|their|our|my|your|its|of|early|mid|late|low|high|upper|lower|and|or)\s|"
    r"\bmid-|\bpre-|\bpost-|\ds\sto\s|\ds\s?[-–])$",
    re.I,
)
_ERA_AFTER = re.compile(
    r"\s(?:music|hits?|kids?|child|movies?|films?|fashion|style|pop|rock|era|nostalgia|hip|party|"
    r"vibe|sitcoms?|cartoons?|dance|disco|icons?)\b"
)
_PLURAL_BEFORE = re.compile(
    rf"(?:\b|(?=\d))(?:{_NUMBER_WORDS}|of|both|all|some|many|double|triple|sizes?|the|rolled|by|"
    r"\ds\sand)\s$",
    re.I,
)


def cardinal(value: int) -> str:
    return numerals.cardinal(value, "en")


def ordinal(value: int) -> str:
    return numerals.ordinal(value, "en")


def year(value: int) -> str:
    """1999 is "nineteen ninety-nine", 2024 "twenty twenty-four", 2005 "two thousand five"."""
    if 2010 <= value < 2100:
        return f"twenty {cardinal(value % 100)}"
    return numerals.year(value, "en")


def digits(written: str) -> str:
    """Each digit by itself; other characters are left out."""
    return " ".join(_DIGITS[int(digit)] for digit in written if digit in "0123456789")


def number(written: str) -> str:
    """A number that matches NUMBER, in words."""
    whole, _, decimals = written.replace(",", "").partition(".")
    if len(whole) > _MAX_CARDINAL_DIGITS:
        return digits(written[:MAX_SPOKEN_DIGITS])
    words = digits(whole) if len(whole) > 1 and whole[0] == "0" else cardinal(int(whole))
    return f"{words} point {digits(decimals[:MAX_SPOKEN_DIGITS])}" if decimals else words


def is_one(written: str) -> bool:
    return written == "1"


def plural(words: str) -> str:
    """Of a number in words: "nineteen nineties"."""
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def before(match: re.Match[str], characters: int = 48) -> str:
    """What stands before a match, as far as a rule may look."""
    return match.string[max(0, match.start() - characters) : match.start()]


def after(match: re.Match[str], characters: int = 48) -> str:
    """What follows a match, as far as a rule may look."""
    return match.string[match.end() : match.end() + characters]


def in_pairs(written: str) -> str:
    """As one says a name: 747 is "seven forty-seven", 4090 "forty ninety", 405 "four oh five"."""
    if written.startswith("0") or not 3 <= len(written) <= 4:
        return digits(written) if len(written) > 4 or written[0] == "0" else number(written)
    front, back = written[:-2], written[-2:]
    if back == "00":
        return cardinal(int(written)) if front.endswith("0") or len(front) == 1 else (
            f"{cardinal(int(front))} hundred"
        )  # fmt: skip
    if len(front) == 2 and front.endswith("0") and back[0] == "0":
        return cardinal(int(written))
    tail = f"oh {digits(back[1])}" if back[0] == "0" else cardinal(int(back))
    return f"{cardinal(int(front))} {tail}"


def _decade(match: re.Match[str]) -> str | None:
    """The twenties; but "wait 20s" is a time."""
    value = int(match[1])
    if value < 100 and "'" not in match[0] and "’" not in match[0] and match.start():
        named = _DECADE_BEFORE.search(before(match)) or _ERA_AFTER.match(after(match))
        if not named:
            return None
    if value % 100 == 0 and 1000 <= value < 2000:
        return f"{cardinal(value // 100)} hundreds"
    if value == 2000:
        return "two thousands"
    return plural(year(value) if value > 99 else cardinal(value))


def _several(match: re.Match[str]) -> str | None:
    """ "Two 5's", "size 8s": the plural of a number, not seconds."""
    if match[2] == "s" and not _PLURAL_BEFORE.search(before(match)):
        return None
    words = in_pairs(match[1])
    return words + "es" if words.endswith("six") else plural(words)


def fraction(above: int, below: int) -> str:
    """Three quarters; "over" where the parts have no name."""
    if below < 2 or above > 99 or below > 100:
        return f"{cardinal(above)} over {cardinal(below)}"
    part = _DENOMINATORS.get(below) or ordinal(below).replace("one hundredth", "hundredth")
    if above != 1:
        part = "halves" if below == 2 else part + "s"
    return f"{cardinal(above)} {part}"


_SIGNATURE_AFTER = re.compile(r"-?\s?(?:time|waltz|met(?:er|re)|bars?|beat|groove|feel)\b")


def _between(above: int, below: int, following: str) -> str:
    """What is said between two numbers with a slash that are no fraction; empty: they are one."""
    idiom = above == below or above + below == 100 or (above, below) in ((24, 7), (9, 11))
    if idiom or (below in (4, 8, 16) and _SIGNATURE_AFTER.match(following)):
        return " "
    if re.match(r"\s?=", following):
        return " divided by "
    rated = below in (5, 10) and re.match(r"\s(?:stars?|rating|score)", following)
    tenths = re.match(r"\s(?:of|mile|inch|second)", following)
    if rated or (below == 10 and above > 1 and not tenths):
        return " out of "
    return ""


def _fraction(match: re.Match[str]) -> str | None:
    above, below, text = int(match[1]), int(match[2]), after(match)
    if between := _between(above, below, text):
        return f"{cardinal(above)}{between}{cardinal(below)}"
    if above > below or "0" in (match[1][0], match[2][0]):
        return f"{number(match[1])} over {number(match[2])}"
    two_thirds = re.match(r"[\s-](?:majority|vote|share|stake|rule)", text)
    return fraction(above, below).removesuffix("s") if two_thirds else fraction(above, below)


def _rating(match: re.Match[str]) -> str:
    return f"{number(match[1])} out of {number(match[2])}"


def mixed(whole: str, above: int, below: int) -> str:
    """One and a half."""
    part = fraction(above, below)
    return f"{number(whole)} and {'a' + part.removeprefix('one') if above == 1 else part}"


def _mixed(match: re.Match[str]) -> str | None:
    above, below = int(match[2]), int(match[3])
    return mixed(match[1], above, below) if 0 < above < below else None


def _vulgar(match: re.Match[str]) -> str:
    above, below = _VULGAR[match[2]]
    return mixed(match[1], above, below) if match[1] else fraction(above, below)


def _signed(match: re.Match[str]) -> str:
    return ("minus " if match[1] else "") + number(match[2])


def _long(match: re.Match[str]) -> str:
    """A number without separators: an amount when it is round, else an identifier."""
    written = match[0]
    if len(written) <= 9 and written.endswith("000"):
        return number(written)
    return ", ".join(map(digits, in_threes(written)))


def _spaced(match: re.Match[str]) -> str | None:
    """2 500 000; but three groups of three may be a telephone number."""
    written = match[0]
    groups = re.split(r"\D", written)
    thin = " " not in written
    if groups[0][0] == "0" or not (thin or len(groups) > 2 or groups[-1] == "000"):
        return None
    if not thin and len(groups[0]) == 3 and not re.match(r"\s[a-z]{3}", after(match)):
        return None
    return number("".join(groups))


def european(written: str) -> str:
    """1.234,56 or 3,50, in the words of a decimal number."""
    whole, _, decimals = written.replace(".", "").replace("'", "").partition(",")
    decimals = decimals.rstrip("0") if len(decimals) == 2 else decimals
    return number(f"{whole}.{decimals}" if decimals else whole)


def _decimal_comma(match: re.Match[str]) -> str | None:
    """Not in a list: "pages 3,4 and 7"."""
    in_list = re.match(r"\s?(?:and|or|&)\s\d{1,2}(?![\d.,])", after(match))
    if "." not in match[2] and in_list:
        return None
    return ("minus " if match[1] else "") + european(match[2])


def _short_year(match: re.Match[str]) -> str:
    written = match[1]
    return f"oh {digits(written[1])}" if written[0] == "0" else cardinal(int(written))


def _year(match: re.Match[str]) -> str:
    return year(int(match[0]))


DECADES: tuple[Rule, ...] = (
    rule(r"(?<!\w)['’]?(\d0)s\b", _decade),
    rule(r"(?<![\w.,])(1[1-9]\d0|20\d0)['’]?s\b", _decade),
    rule(r"(?<![\w.,:'’])(\d{1,3})(s|['’]s)\b", _several),
)
REST: tuple[Rule, ...] = (
    rule(
        r"\d{1,12}\.\d{1,9}(?![\d.])|\d{2,40}|(?<![A-Za-z\d])\d(?![A-Za-z\d])",
        lambda m: f" {number(m[0]) if '.' in m[0] else in_pairs(m[0])} ",
    ),
)
"""After all others: no number is left in digits, but one digit that stands beside a letter."""
GROUPS: tuple[Rule, ...] = (
    rule(r"(?<![\w.,])\d{1,3}(?:[ \u00a0\u202f\u2009]\d{3})+(?![\w]|[.,]\d|\s\d)", _spaced),
    rule(r"(?<![\w.,])()(\d{1,3}(?:\.\d{3}){2,6}(?:,\d{1,4})?|\d{1,3}\.\d{3},\d{1,2})"
         r"(?!\w|[.,]\d)", _decimal_comma),
    rule(r"(?<![\w.,])(?:(?<![\w)])([-−–]))?(\d+,(?:\d{1,2}|\d{4,9}))(?!\w|[.,]\d|-[a-z])",
         _decimal_comma),
    rule(r"(?<![\w.,])()(\d{1,3}(?:['’]\d{3})+)(?![\w'’])",
         lambda m: number(re.sub("['’]", "", m[2]))),
    rule(r"(?<![\w.,])\d{1,2}(?:,\d\d){1,4},\d{3}(?!\w|[.,]\d)",
         lambda m: number(m[0].replace(",", ""))),
)  # fmt: skip
"""As they are written elsewhere: 2 500 000, 1.234.567,8, 3,50, 1'000'000, 12,34,567."""
RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w,.])(\d{1,3}(?:,\d{3}){1,2}|\d{1,9})(?:st|nd|rd|th)\b",
         lambda m: ordinal(int(m[1].replace(",", ""))), flags=re.I),
    rule(r"(?<![\w/.,])(\d{1,3})[ -](\d{1,2})[/⁄](\d{1,2})(?![\w/])", _mixed),
    rule(r"(?<![\w/.,])(\d{1,2}\.\d{1,2})/(5|10|100)(?![\w/]|\.\d)", _rating),
    rule(r"(?<![\w/])(\d{1,3})[/⁄](\d{1,3})(?![\w/])", _fraction),
    rule(rf"(?<!\w)({NUMBER})?\s?([{''.join(_VULGAR)}])", _vulgar),
    *GROUPS,
    rule(
        r"(?<![\w.])\d+(?:\.\d+){2,8}(?![\w.]*\d)",  # a version or an address
        lambda m: " point ".join(number(part) for part in m[0].split(".")),
    ),
    rule(r"(?<![\w.,])(?:1[1-9]\d\d|20\d\d)(?!\w|[.,]\d)", _year),
    rule(r"(?<!\w)['’](\d\d)(?![\w'’])", _short_year),
    rule(r"(?<=AD\s)10[1-9]\d(?!\w)|(?<![\w.,])10[1-9]\d(?=\s(?:AD|CE|A\.D\.))",
         lambda m: f"ten {cardinal(int(m[0][2:]))}"),
    rule(r"(?<=[Tt]he\s)10[1-9]\d(?=\s(?!\w{1,20}s\b))|"
         r"(?<=[Ii]n\s)10[1-9]\d(?![\w,.]|\s\w{1,20}s\b)",
         lambda m: f"ten {cardinal(int(m[0][2:]))}"),
    rule(r"(?<![\w.,-])\d{7,}(?!\w|[.,]\d)", _long),
    rule(r"(?<![\w.])([-−–])?()\.(\d{1,9})(?!\w|[.,]\d)",
         lambda m: f"{'minus ' if m[1] else ''}point {digits(m[3])}"),
    rule(rf"{SIGNED_NUMBER}(?![^\W⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ]|\.\d)", _signed),
)  # fmt: skip
