"""English: all rules of spoken text, in the order in which they are tried."""

from dialogue.text.languages.english import dates, money, numbers, symbols, units
from dialogue.text.languages.language import SpokenRules
from dialogue.text.languages.rules import addresses, markup

_ADDRESSES = addresses.AddressWords(
    dash="dash",
    underscore="underscore",
    plus="plus",
    dot="dot",
    at="at",
    slash="slash",
    digits=numbers.digits,
    phones=(
        r"(?<![\w.])\(\d{2,4}\) ?\d{3,4}[ .-]?\d{3,4}(?!\w)",
        r"(?<![\w.-])(?:1-)?\d{3}([-.])\d{3}\1\d{4}(?![\w-])",
        r"(?<![\w.-])\d{3}-\d{4}(?![\w-])",
    ),
)

SPOKEN = SpokenRules(
    rules=(
        *addresses.rules(_ADDRESSES),
        *markup.rules({"&": "and", "<": "less than", ">": "greater than"}, numbers.cardinal),
        *money.RULES,
        *dates.RULES,
        *numbers.DECADES,
        *units.RULES,
        *numbers.RULES,
        *symbols.RULES,
    ),
    code_phrase="the code is in the transcript.",
)
