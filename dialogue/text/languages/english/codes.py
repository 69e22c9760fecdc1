"""Numbers that are read out digit by digit: telephones, codes, cards, postcodes; and names with
numbers in them: B12, A380, Boeing 747."""

import re

from dialogue.text.languages.english.numbers import after, before, cardinal, digits, in_pairs
from dialogue.text.languages.rules.numerals import in_threes
from dialogue.text.languages.rules.rule import Rule, rule

_ANY_LENGTH = (
    "pin|passcode|passphrase|password|otp|cvv|cvc|ssn|zip|zipcode|postcode|isbn|issn|imei|iban|swift|"
    "extension|ext\\.?|combination|digits|ending|ends"
)
_CODES = (
    r"(?:(?:access|activation|area|auth(?:entication)?|backup|confirmation|country|coupon|dial(?:ing)?|"
    r"discount|door|entry|gate|login|one-time|pickup|post|postal|promo|redemption|safe|secret|security|"
    r"sign-?in|sort|tracking|unlock|verification|voucher|zip|your|the|my|his|her|their|this|that|"
    r"booking|branch|product|dispatch)\s)?codes?"
)
_THINGS = (
    "account|booking|card|case|claim|client|confirmation|customer|employee|extension|fax|flight|id|"
    "invoice|licen[cs]e|member(?:ship)?|mobile|order|part|passport|permit|phone|policy|ref(?:erence)?|"
    "reservation|routing|serial|student|telephone|ticket|tracking|transaction|user|vehicle|cell"
)
_TAIL = r"(?:\s(?:is|are|was|were|be|of|in|with|again)|\s?[:#=]|,)*\s?[\"'“‘*`]{0,3}$"
_CODE_BEFORE = re.compile(
    rf"(?<![\w-])(?:{_ANY_LENGTH}|{_CODES}){_TAIL}|"
    r"\b(?:pin|passcode|password|code)\b[^.!?\d]{1,40}\b(?:is|are|was)\s$",
    re.I,
)
_NUMBER_BEFORE = re.compile(
    rf"\b(?:{_THINGS})\s?(?:numbers?|nos?\.?|ids?|code|\#|№){_TAIL}|\b(?:pnr|id|ref(?:erence)?|"
    rf"tracking|tel|telephone|phone|fax|mobile|routing|isbn|serial)\.?{_TAIL}|\#\s?$|"
    rf"\b(?:order|ticket|invoice|case|booking)\s?\#?$",
    re.I,
)
_AMOUNT_AFTER = re.compile(
    r"\s(?:lines|people|times|users|items|units|tickets|points|pages|%|percent)"
)
_EMERGENCY = "911|999|112|000|111|101|988|311|211|411|511|711|811|110|118|119|115|116|988|105"
_CALL_BEFORE = re.compile(
    r"\b(?:call|dial|ring|phone|text|tell|contact|calls|called|calling|dials|dialed|dialled|dialing|"
    r"dialling|rang|phoned|texted|texting|hotline|line|number)(?:\s(?:is|to|on|at|for|us|the|either|now|"
    r"it))?\s(?:\d{3},?\s(?:(?:or|and)\s)?){0,3}$",
    re.I,
)
_CALL_AFTER = re.compile(
    r"\s(?:operator|dispatch(?:er)?|caller|call|emergency|services?|now|immediately|right\saway)\b"
)
_MODELS = re.compile(
    r"\b(?:Boeing|Airbus|Interstate|Highway|Route|Xbox|Room|room|Flight|flight|RTX|GTX|Porsche|Peugeot|"
    r"RFC|ISO|IEEE|BWV|ANSI|DIN|Nokia|Hwy|Rte|Ryzen|Bus|bus|error|Error|status|US|CR|BMW|Mazda|Levi's|Formula|train|gate|Gate)"
    r"[\s-](?:[A-Z]{1,2}\s?)?$"
)


def _spaced(written: str) -> str:
    """Each group by itself; a long one in threes."""
    groups = re.findall(r"\d+", written)
    groups = [
        part for group in groups for part in (in_threes(group) if len(group) > 6 else [group])
    ]
    return ", ".join(map(digits, groups))


def _coded(match: re.Match[str]) -> str | None:
    """Digits one by one where the words before them say that they are a code."""
    written, text = match[0], before(match, 64)
    count = sum(character.isdigit() for character in written)
    if re.search(r"[$€£¥]\s?$", text) or re.match(r"\s?%", after(match)):
        return None
    if _AMOUNT_AFTER.match(after(match)):
        return None
    if count >= 2 and _CODE_BEFORE.search(text):
        return _spaced(written)
    if count >= 4 and _NUMBER_BEFORE.search(text):
        return _spaced(written)
    return None


def _emergency(match: re.Match[str]) -> str | None:
    if re.search(r"Porsche\s$", before(match)):
        return None
    if _CALL_BEFORE.search(before(match)) or _CALL_AFTER.match(after(match)):
        return digits(match[0])
    counted = re.match(r"\s(?!calls|operators|dispatchers|services)[a-z]+s\b", after(match))
    return digits(match[0]) if match[0] == "911" and not counted else None


def _telephone(match: re.Match[str]) -> str | None:
    """Groups that begin with a zero, or as numbers do that cost nothing or little."""
    written = match[0]
    count = sum(character.isdigit() for character in written)
    return _spaced(written) if 9 <= count <= 13 else None


def _spelled(match: re.Match[str]) -> str | None:
    """A code of letters and digits, each by itself."""
    written = match[0]
    if len(written) < 3 or not any(c.isdigit() for c in written):
        return None
    if not (_CODE_BEFORE.search(before(match, 64)) or _NUMBER_BEFORE.search(before(match, 64))):
        return None
    return _letters(written)


def _letters(written: str) -> str:
    return " ".join(digits(c) if c.isdigit() else c for c in written if c.isalnum())


def _letters_or_words(written: str) -> str:
    """ "GO-2-HAUL": words as they stand, digits one by one."""
    return re.sub(r"\d", lambda m: f" {digits(m[0])} ", written.replace("-", " "))


def _network_address(match: re.Match[str]) -> str:
    return " dot ".join(digits(part) for part in match[0].split("."))


def _house(match: re.Match[str]) -> str:
    return in_pairs(match[0])


def _postcode(match: re.Match[str]) -> str:
    return f"{_letters(match[1])}, {_letters(match[2])}"


def _model(match: re.Match[str]) -> str | None:
    return in_pairs(match[0]) if _MODELS.search(before(match)) else None


def _mixed(match: re.Match[str]) -> str:
    """ "A380", "24H2": numbers of several digits in words, letters as they stand."""
    parts = re.findall(r"\d+|[^\W\d_]+", match[0])
    return " ".join(in_pairs(part) if part.isdigit() else part for part in parts)


def _hyphened(match: re.Match[str]) -> str:
    return " " + in_pairs(match[1])


def _version(match: re.Match[str]) -> str:
    parts = match[2].split(".")
    said = " point ".join(cardinal(int(part)) for part in parts)
    return f"{match[1]} {said}"


def _card_date(match: re.Match[str]) -> str:
    said = f"{digits(match[2]) if match[2][0] == '0' else cardinal(int(match[2]))}"
    word = "expires" if match[1].lower() == "exp" else match[1]
    return f"{word} {said}, {cardinal(int(match[3]))}"


_STREET_AFTER = (
    r"(?=\s(?:[NSEW]{1,2}\.?\s)?(?:(?:[A-Z][\w'’]{0,20}|\d{1,3}(?:st|nd|rd|th))\s){1,3}"
    r"(?:St(?:reet)?|Ave(?:nue)?|Rd|Road|Dr(?:ive)?|Blvd|Boulevard|Ln|Lane|Ct|Court|Pl(?:ace)?|Way|"
    r"Hwy|Highway|Pkwy|Parkway|Expy|Fwy|Cir(?:cle)?|Trl|Sq(?:uare)?|Ter(?:race)?)\b)"
)
NUMBERS: tuple[Rule, ...] = (
    rule(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)", _network_address),
    rule(rf"(?<![\w.,/$€£-])\d{{3,4}}{_STREET_AFTER}", _house),
    rule(r"\b(40[13])\(([bk])\)", lambda m: f"{in_pairs(m[1])} {m[2]}"),
    rule(r"(?<![\w.-])\(\d{3}\)-\d{3}-\d{4}(?![\w-])", lambda m: _spaced(m[0])),
    rule(r"(?<![\w.-])\d{3}-\d{3}-\d{4}-\d{1,5}(?![\w-])", lambda m: _spaced(m[0])),
    rule(r"(?<![\w.,-])1-(?:\d{3})-(?=[\d-]{0,9}[A-Z])[A-Z\d]{1,9}(?:-[A-Z\d]{1,7}){0,3}(?![\w])",
         lambda m: f"{_spaced(m[0][:5])}, {_letters_or_words(m[0][6:])}"),
    rule(r"(?<![\w.,/-])\d(?:-\d){2,9}(?![\w/-])", lambda m: digits(m[0])),
    rule(r"(?<![\w.,-])\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?![\w-])", lambda m: _spaced(m[0])),
    rule(r"(?<![\w.,-])\d{4}([ -])\d{6}\1\d{5}(?![\w-])", lambda m: _spaced(m[0])),
    rule(r"(?<![\w.,-])\d{3}-\d\d-\d{4}(?![\w-])", lambda m: _spaced(m[0])),
    rule(r"(?<![\w.,-])97[89]-(?:\d{1,7}-){3}[\dX](?![\w-])", lambda m: _spaced(m[0])),
    rule(r"(?<=[xX*•]{2}-)\d{4}(?!\w)|(?<=[xX*•]{2}\s)\d{4}(?!\w)|(?<=[xX*•]{2})\d{4}(?!\w)",
         lambda m: " " + digits(m[0])),
    rule(r"\b(exp(?:ir(?:es|y|ation))?)\.?:?\s(\d\d)/(\d\d)(?![\w/])", _card_date, flags=re.I),
    rule(r"(?<![\w.,])(?:0\d{1,5}|1[38]00)(?:[ -]\d{2,8}){1,4}(?!\w|[.,]\d)", _telephone),
    rule(r"(?<![\w.,-])\d{3}[ ]\d{3}[ ]\d{4}(?!\w|[.,-]\d)", lambda m: _spaced(m[0])),
    rule(rf"(?<![\w.,/$€£-])(?:{_EMERGENCY})(?!\w|[.,:/-]\d|%)", _emergency),
    rule(r"(?<![\w.,])\d{2,}(?:[ -]\d{2,8}){0,5}(?!\w|[.,]\d|\s?%)", _coded),
    rule(r"(?:(?<=[A-Z]{2}\s)|(?<=[A-Z]{2},\s))\d{5}(?:-\d{4})?(?![\w-])", lambda m: _spaced(m[0])),
    rule(r"(?<![\w])([A-Z]{1,2}\d[A-Z\d]?)\s(\d[A-Z]{2})(?![\w])", _postcode),
    rule(r"(?<![\w])([A-Z]\d[A-Z])\s?(\d[A-Z]\d)(?![\w])", _postcode),
    rule(r"(?<![\w-])[A-Za-z\d]{3,12}(?:-[A-Z\d]{2,8}){0,4}(?![\w-])", _spelled),
    rule(r"(?<![\w.,$-])\d{3,4}(?!\w|[.,]\d)", _model),
)  # fmt: skip
"""Before the rules of plain numbers."""
NAMES: tuple[Rule, ...] = (
    rule(r"(?<![\w.])([vV])(\d{1,4}(?:\.\d{1,4}){1,4})(?!\w)", _version),
    rule(r"(?<![\w.-])(?=[A-Za-z]{0,12}\d{1,6}[A-Za-z\d])(?=[A-Za-z\d]{0,10}\d\d)[A-Za-z\d]{3,14}(?![\w])",
         _mixed),
    rule(r"(?<=[A-Za-z])-(\d{2,4})(?![\w-]|[.,]\d)", _hyphened),
)  # fmt: skip
"""After all others: whatever else has letters and digits."""
