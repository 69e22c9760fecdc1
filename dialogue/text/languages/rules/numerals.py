"""Numbers in words, as the Unicode CLDR writes them in each language."""

from functools import cache, lru_cache

from unicode_rbnf import FormatPurpose, RbnfEngine

MAX_SPOKEN_DIGITS = 40


@cache
def _engine(code: str) -> RbnfEngine:
    return RbnfEngine.for_language(code)


@lru_cache(maxsize=4096)
def cardinal(value: int, code: str) -> str:
    """`code`: of the language, ISO 639-1."""
    return str(_engine(code).format_number(value).text)


def ordinal(value: int, code: str) -> str:
    """In the first form that the language lists: "erste" in German."""
    return str(_engine(code).format_number(value, FormatPurpose.ORDINAL).text)


def year(value: int, code: str) -> str:
    return str(_engine(code).format_number(value, FormatPurpose.YEAR).text)


def in_threes(written: str) -> list[str]:
    """The digits of a long number in groups, as one reads out an identifier."""
    return [written[at : at + 3] for at in range(0, min(len(written), MAX_SPOKEN_DIGITS), 3)]
