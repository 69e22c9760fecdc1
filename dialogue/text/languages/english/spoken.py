"""English: all rules of spoken text, in the order in which they are tried."""

from dialogue.text.languages.english import (
    code,
    codes,
    dates,
    latex,
    mathematics,
    money,
    names,
    numbers,
    romans,
    symbols,
    times,
    units,
)
from dialogue.text.languages.language import SpokenRules
from dialogue.text.languages.rules import addresses, markup

_ADDRESSES = addresses.AddressWords(
    dash="dash",
    underscore="underscore",
    plus="plus",
    dot="dot",
    at="at",
    slash="slash",
    colon="colon",
    digits=numbers.digits,
    phones=(
        r"(?<![\w.])\(\d{2,5}\) ?\d{3,4}[ .-]?\d{3,4}(?!\w)",
        r"(?<![\w.-])(?:1[- .])?\d{3}([-.])\d{3}\1\d{4}(?![\w-])",
        r"(?<![\w.-])\d{3}-\d{4}(?![\w-])",
    ),
)
_SCRIPTS = {
    "Han": "Chinese", "Kana": "Japanese", "Hangul": "Korean", "Greek": "Greek",
    "Cyrillic": "Cyrillic", "Armenian": "Armenian", "Hebrew": "Hebrew", "Arabic": "Arabic",
    "Devanagari": "Devanagari", "Bengali": "Bengali", "Tamil": "Tamil", "Telugu": "Telugu",
    "Thai": "Thai", "Georgian": "Georgian",
}  # fmt: skip

SPOKEN = SpokenRules(
    rules=(
        *latex.RULES,
        *addresses.rules(_ADDRESSES),
        *code.PATHS,
        *symbols.STAGE_DIRECTIONS,
        *markup.rules({"&": "and", "<": "less than", ">": "greater than"}, numbers.cardinal),
        *romans.RULES,
        *names.RULES,
        *dates.RULES,
        *times.RULES,
        *codes.NUMBERS,
        *money.RULES,
        *mathematics.RULES,
        *numbers.DECADES,
        *units.RULES,
        *numbers.RULES,
        *code.SIGNS,
        *symbols.RULES,
        *codes.NAMES,
        *numbers.REST,
    ),
    code_phrase="the code is in the transcript.",
    unreadable={script: f"text in {name}" for script, name in _SCRIPTS.items()},
)
