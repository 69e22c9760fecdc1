"""The sizes that a text names, in digits: see `number_words.with_digits`."""

import re

from apps.shopping.catalog.goods import GoodsKind
from apps.shopping.understanding.prices import IN_INCHES

_NUMBER = r"\d+(?:\.\d+)?"
_LIST = (
    rf"(?P<list>(?:{_NUMBER}\s?(?:-?\s?(?:inch|inches|\")\s?)?"
    r"(?:,|/|or|and|to|-|–)\s?(?:or |and )?)*)"
)
_INCH = rf"-?\s?(?:inches|inch|{IN_INCHES}|\"|”|''|zoll\b)"
_LITER = r"-?\s?(?:liters|liter|litres|litre|l\b)"
_MORE = (
    r"(?P<more>(?:at least|minimum(?: of)?|no smaller than|not smaller than|not under|from|>=|≥"
    r"|over|above|more than|bigger than|larger than|greater than|>)\s)?"
)
_LESS = (
    r"(?P<less>(?:at most|up to|maximum(?: of)?|max|no bigger than|not bigger than|no larger than"
    r"|no more than|not over|<=|≤|under|below|less than|smaller than|<)\s)?"
)
_OPEN = frozenset(("over", "above", "more", "bigger", "larger", "greater", ">", "under", "below"))
_ALSO_OPEN = frozenset(("less", "smaller", "<"))
_NO_PRICE = r"(?! ?(?:of )?[$€£\d])"
_AND_MORE = (
    r"(?P<and>\s?(?:\+|(?:or|and) (?:bigger|larger|more|up|above|upwards|over)\b"
    rf"|(?:at least|minimum)\b{_NO_PRICE}))?"
)
_AND_LESS = (
    r"(?P<or>\s?(?:(?:or|and) (?:smaller|less|below|under)\b"
    rf"|(?:at most|max(?:imum)?|tops)\b{_NO_PRICE}))?"
)


def _measured(unit: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:(?<=\s)|^|(?<=[,;(])){_MORE}{_LESS}{_LIST}(?P<number>{_NUMBER})\s?{unit}"
        rf"(?![\w]){_AND_MORE}{_AND_LESS}"
    )


_MEASURES = {"inch": _measured(_INCH), "liter": _measured(_LITER)}
_SIZE_NUMBER = re.compile(
    rf"\b(?:size|sizes|sz\.?)(?: is| of|:)? {_LIST}(?P<number>{_NUMBER})\b(?! ?(?:dollars|bucks))"
)
_SHOE_NUMBER = re.compile(
    r"\b(?:us|u s) ?(?:size )?(?P<number>\d+(?:\.\d)?)\b|\b(?P<before>\d+(?:\.\d)?) (?:us|u s)\b"
    r"|\b(?:wo)?men'?s (?:size )?(?P<of>\d+(?:\.5)?)\b(?! ?(?:dollars|bucks))"
    r"|(?<![$€£\d.])\b(?P<half>\d{1,2}\.5)\b(?! ?(?:dollars|bucks|usd|euros?|pounds))"
    r"|\bi(?:'m| am| wear| take| need)(?: an?)?(?: size)? (?P<worn>\d+(?:\.5)?)\b"
    r"(?!\.|,\d| ?(?:dollars|bucks|pairs?|of|pieces|running|sneakers|trainers|shoes|¤))"
)
_CLOTHING = {
    "extra small": "XS",
    "xs": "XS",
    "x s": "XS",
    "small": "S",
    "medium": "M",
    "extra large": "XL",
    "x large": "XL",
    "xl": "XL",
    "x l": "XL",
    "xxl": "XXL",
    "double xl": "XXL",
    "double extra large": "XXL",
    "2xl": "XXL",
    "large": "L",
}
_SIZE_LETTER = re.compile(r"\bsize (s|m|l)\b")
_LETTER = re.compile(r"(?<![\w'.&-])(?:size )?(s|m|l)(?![\w'&-]|\.\w)")
_SHOE_BEHIND = re.compile(
    rf"¤\s*(?:in |of )?(?:size )?{_LIST}(?P<number>{_NUMBER})\b"
    r"(?!\.?\d|,\d| ?(?:[$€£]|dollars|bucks|usd|euros?|pounds|to\b|-))"
)
_REFUSED = re.compile(r"\b(?:not|no|except|but not|nor)\s+(?:an?\s+|in\s+|size\s+)*$")
_TRADE = {"15": "15.6"}
"""A laptop of 15 inches has 15.6."""


def sizes_in(text: str, kind: GoodsKind | None, *, asked: str = "") -> tuple[tuple[str, ...], str]:
    """The sizes, and the text without them. `kind`: of the goods, None where it is not known;
    `asked`: what the text answers the question for."""
    size_kind = kind.size_kind if kind else ""
    found: list[str] = []
    for match in _SIZE_NUMBER.finditer(text):
        found += [] if _REFUSED.search(text[: match.start()]) else _numbers(match)
    rest = _SIZE_NUMBER.sub(" ", text)
    for name, pattern in _MEASURES.items():
        if size_kind in (name, ""):
            for match in pattern.finditer(rest):
                of_it = _of_measure(match, kind)
                if _REFUSED.search(rest[: match.start()]):
                    of_it = [size for size in (kind.sizes if kind else ()) if size not in of_it]
                found += of_it
            rest = pattern.sub(" ", rest)
    if kind and size_kind == "shoe":
        for match in _SHOE_NUMBER.finditer(rest):
            found.append(_plain(next(filter(None, match.groups()))))
        rest = _SHOE_NUMBER.sub(" ", rest)
        behind = _SHOE_BEHIND.search(rest)
        if not found and behind and all(n in kind.sizes for n in _numbers(behind)):
            found += _numbers(behind)
            rest = _SHOE_BEHIND.sub(" ¤ ", rest, count=1)
    if size_kind in ("clothing", "helmet", ""):
        letters, rest = _letters(rest, is_known=bool(size_kind))
        found += letters
    if asked == "size" and not found:
        found += [_plain(n) for n in re.findall(r"\b\d+(?:\.\d)?\b", rest)]
        found += [letter.upper() for letter in re.findall(r"\b(?:s|m|l)\b", rest)]
    return tuple(dict.fromkeys(found)), rest


def _letters(text: str, *, is_known: bool) -> tuple[list[str], str]:
    """Sizes of clothing; where it is not known to be clothing, with the word "size" alone."""
    found = []
    for said, size in _CLOTHING.items():
        pattern = rf"(?<![\w-]){said}(?:-sized?)?(?![\w-])"
        named = re.search(pattern, text)
        if named and (is_known or f"size {said}" in text):
            found += [] if _REFUSED.search(text[: named.start()]) else [size]
            text = re.sub(rf"(?:size )?{pattern}", " ", text)
    pattern_of_letters = _LETTER if is_known else _SIZE_LETTER
    found += [
        match[1].upper()
        for match in pattern_of_letters.finditer(text)
        if not _REFUSED.search(text[: match.start()])
    ]
    return found, pattern_of_letters.sub(" ", text)


def _numbers(match: re.Match[str]) -> list[str]:
    """Of a list such as "9 or 9.5"."""
    return [_plain(n) for n in (*re.findall(_NUMBER, match["list"]), match["number"])]


def _of_measure(match: re.Match[str], kind: GoodsKind | None) -> list[str]:
    """Those named, or those of the kind that are within: "at least 50 inches"."""
    numbers = _numbers(match)
    has = kind.sizes if kind else ()
    sized = [size for size in has if re.fullmatch(_NUMBER, size)]
    if sized and re.search(r"\bto\b|[-–]", match["list"]) and len(numbers) == 2:
        low, high = sorted(map(float, numbers))
        return [size for size in sized if low <= float(size) <= high] or numbers
    bound = float(numbers[-1])
    more, less = match["more"] or "", match["less"] or ""
    if sized and (more or match["and"]):
        is_open = more.split(" ")[0] in _OPEN
        return [s for s in sized if float(s) > bound - (not is_open) * 0.01] or numbers
    if sized and (less or match["or"]):
        is_open = less.split(" ")[0] in (_OPEN | _ALSO_OPEN)
        return [s for s in sized if float(s) < bound + (not is_open) * 0.01] or numbers
    return [_TRADE[n] if n not in has and _TRADE.get(n) in has else n for n in numbers]


def _plain(number: str) -> str:
    return number.removesuffix(".0")
