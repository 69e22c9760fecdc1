"""Signs that stand for words, and what an actor would do and not say."""

import re

from dialogue.text.languages.rules import markup
from dialogue.text.languages.rules.rule import Rule, rule

_SIGNS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "×": "times", "÷": "divided by",
    "±": "plus or minus", "≈": "about", "≤": "at most", "≥": "at least", "≠": "is not",
    "<": "less than", ">": "greater than", "→": "to", "->": "to", "=>": "to", "°": "degrees",
    "%": "percent", "€": "euros", "£": "pounds", "¥": "yen", "$": "dollars", "₹": "rupees",
    "©": "copyright", "№": "number", "²": "squared", "³": "cubed", "¢": "cents",
}  # fmt: skip
_ALWAYS = "[×÷±≈≤≥≠→°%€£¥©№²³₹¢]"

_VERBS = (
    "sighs?|sighing|laughs?|laughing|laughter|chuckl(?:es?|ing)|giggl(?:es?|ing)|smil(?:es?|ing)|"
    "grins?|grinning|smirks?|smirking|winks?|winking|nods?|nodding|shrugs?|shrugging|gasps?|"
    "gasping|coughs?|coughing|sniffs?|sniffles?|sobs?|sobbing|cr(?:y|ies|ying)|yawns?|yawning|"
    "groans?|groaning|whispers?|whispering|hums|humming|pauses?|pausing|waves?|waving|blush(?:es)?|"
    "blinks?|frowns?|frowning|clears throat|clears (?:his|her|their|its|my) throat|"
    "clearing throat|takes an? (?:\\w+ )?breath|deep breath|inhales?|exhales?|beams|gulps|hugs|"
    "bows|claps|clapping|applause|cheers|cheering|snorts|scoffs|shudders|mumbles|mutters|"
    "rolls eyes|raises an? (?:eye)?brow|tilts head|shakes head|scratches head|facepalms?|"
    "leans (?:in|back|closer|forward)|looks (?:away|around|up|down|thoughtful|at (?:you|the \\w+))|"
    "thinks|thinking|ponders|pondering|sings|singing|silence|music|beat|sips \\w+|winces|"
    "stutters|stammers|trails off|snaps fingers|crosses arms|paces|stretches|dances|blows a kiss|"
    "breathes|breathing|sneezes|hiccups|growls|purrs|squeals|squeaks|screams|howls|whistles|"
    "high[- ]fives|thumbs up|air quotes|in a \\w+ voice"
)
_MANNERS = (
    "softly|quietly|gently|loudly|nervously|warmly|sadly|happily|slightly|heavily|deeply|knowingly|"
    "playfully|sheepishly|awkwardly|slowly|excitedly|thoughtfully|briefly|sarcastically|politely|"
    "enthusiastically|dramatically|mischievously|wryly|dryly|again|a little|a bit|goodbye|hello|"
    "to (?:herself|himself|myself|themselves|itself|you)|at you|"
    "with (?:relief|delight|joy|laughter)|for a (?:moment|second|beat)|"
    "in (?:agreement|surprise|relief|thought|disbelief)|"
    "\\w{3,12}ly"
)


def _range(match: re.Match[str]) -> str:
    """Of numbers; "A7-99" is none."""
    text = match.string[max(0, match.start() - 8) : match.start()]
    return " " if re.search(r"[A-Za-z]\d+$", text) else " to "


RULES: tuple[Rule, ...] = (
    rule(r"(?<!\w)~\s?(?=[$€£¥]?\d)", "about "),
    rule(r"(?<![\w)])\+(?=[$€£]?\d)", "plus "),
    rule(r"(?<=\d)\s?[-–—]\s?(?=[$€£¥]?\d)", _range),
    rule(r"(?<=[\d%])\s?[-–—]\s?(?=\d{1,3}(?:\.\d)?%)", " to "),
    rule(r"(?<=\ds)\s?[-–—]\s?(?=['’]?\d{2,4}s\b)", " to "),
    rule(r"(?<=\d):(?=\d)", " to "),
    rule(r"(?<=\w)\^(?=\w)", " to the power of "),
    rule(r"(?<=\w)_(?=\w)", " "),
    rule(r"[ \t]?—[ \t]?|(?<=\w)--(?=[\w\s])[ \t]?|[ \t](?:--|-|–)[ \t]", ", "),
    rule(r"(?<=\b[A-Z])#", " sharp"),
    rule(r"[-=]>", " to "),
    rule(r"(?:(?<=\s)|^)[&@+=<>](?=\s)|(?<=\d)[+=](?=\d|\s|$)", lambda m: f" {_SIGNS[m[0]]} "),
    rule(r"†|‡", ""),
    rule(_ALWAYS, lambda m: f" {_SIGNS[m[0]]} "),
)
STAGE_DIRECTIONS = markup.stage_directions(_VERBS, _MANNERS)
