"""What people take back within a sentence: "a red, no, a blue one", "under 500, sorry, 600"."""

import re

_AT_ONCE = re.compile(
    r"^[\s,.;:!?-]*(?:(?:ones?|¤|dollars|bucks)[\s,.;:!?-]+)?(?:oh |uh |um |er |hm+ )?"
    r"(?:no[,.;]? (?=(?:a|an|the|wait|sorry|make|rather|i mean|let's|say|actually|better)\b)|no[,.;:-]+ "
    r"|(?:sorry|pardon|actually|wait|better|rather|i mean(?:t)?|make (?:that|it))\b)"
)
_SOMEWHERE = re.compile(
    r"\b(?:no,? wait|no,? sorry|sorry,? i mean(?:t)?|i mean(?:t)? (?!to)|make (?:that|it) (?:a|an|the)\b"
    r"|scratch that|correction|or rather|on second thoughts?|changed my mind)\b"
)
_MONEY = r"[$€£]?\s?\d+(?:\.\d+)?(?:\s?(?:dollars?|bucks?|usd|euros?|eur|pounds?|gbp|quid))?"
_NUMBER_TAKEN_BACK = re.compile(
    rf"{_MONEY}\s?,?\s(?:no[,.;]? (?:wait,? |sorry,? |make (?:that|it) |i mean(?:t)? |actually |rather |better )?"
    r"|(?:sorry|wait|actually|or rather|rather|make (?:that|it)|i mean(?:t)?),? (?:i mean(?:t)? |make (?:that|it) )?)"
    rf"(?=(?:(?:under|below|up to|at most|max|about|around|size|less than) )?{_MONEY})"
)


def is_correction(between: str) -> bool:
    """Whether what stands between two things says that the second is meant, and not the first."""
    return bool(_AT_ONCE.match(between) or _SOMEWHERE.search(between))


def without_taken_back(text: str) -> str:
    """The text, in digits, without the numbers that are replaced by the next one."""
    return _NUMBER_TAKEN_BACK.sub("", text)
