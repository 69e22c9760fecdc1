"""German: all rules of spoken text, in the order in which they are tried."""

from dialogue.text.languages.german import dates, money, numbers, ordinals, symbols, units
from dialogue.text.languages.language import SpokenRules
from dialogue.text.languages.rules import addresses, markup

_ADDRESSES = addresses.AddressWords(
    dash="Bindestrich",
    underscore="Unterstrich",
    plus="plus",
    dot="Punkt",
    at="ät",
    slash="Schrägstrich",
    colon="Doppelpunkt",
    digits=numbers.digits,
    phones=(
        r"(?<![\w.,])\(0\d{2,4}\) ?\d{3,8}(?:[ -]\d{1,6}){0,3}(?!\w)",
        r"(?<![\w.,])0\d{2,4}[ /-]{1,3}\d{3,8}(?:[ -]\d{1,6}){0,3}(?!\w)",
    ),
)

_SCRIPTS = {
    "Han": "chinesisch", "Kana": "japanisch", "Hangul": "koreanisch", "Greek": "griechisch",
    "Cyrillic": "kyrillisch", "Armenian": "armenisch", "Hebrew": "hebräisch",
    "Arabic": "arabisch", "Devanagari": "indisch", "Bengali": "bengalisch",
    "Tamil": "tamilisch", "Telugu": "indisch", "Thai": "thailändisch", "Georgian": "georgisch",
}  # fmt: skip

SPOKEN = SpokenRules(
    rules=(
        *addresses.rules(_ADDRESSES),
        *dates.RULES,  # "3. Oktober" at the beginning of a line is no item of a list
        *markup.rules({"&": "und", "<": "kleiner als", ">": "größer als"}, numbers.cardinal),
        *money.RULES,
        *numbers.COMPOUNDS,
        *ordinals.RULES,
        *units.RULES,
        *numbers.RULES,
        *symbols.RULES,
    ),
    code_phrase="der Code steht im Protokoll.",
    unreadable={script: f"{name}er Text" for script, name in _SCRIPTS.items()},
)
