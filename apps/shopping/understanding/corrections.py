"""What people take back within a sentence: "a red, no, a blue one", "under 500, sorry, 600"."""

import re

_MAKE_IT = r"(?:make (?:that|it)|i mean(?:t)?)"
_AT_ONCE = re.compile(
    r"^[\s,.;:!?-]*(?:(?:ones?|¤|dollars|bucks)[\s,.;:!?-]+)?(?:oh |uh |um |er |hm+ |well )?"
    r"(?:no[,.;:-]+ |no (?=(?:a|an|the|wait|sorry|make|rather|i mean|let's|say|actually|better)\b)"
    rf"|(?:sorry|pardon|actually|wait|better|rather|{_MAKE_IT})\b)"
)
_SOMEWHERE = re.compile(
    r"\b(?:no,? wait|no,? sorry|sorry,? i mean(?:t)?|i mean(?:t)? (?!to)"
    r"|make (?:that|it) (?:a|an|the)\b|scratch that|correction|or rather|on second thoughts?"
    r"|changed my mind)\b"
)
_MONEY = r"[$€£]?\s?\d+(?:\.\d+)?(?:\s?(?:dollars?|bucks?|usd|euros?|eur|pounds?|gbp|quid))?"
_NUMBER_TAKEN_BACK = re.compile(
    rf"{_MONEY}\s?,?\s"
    rf"(?:no[,.;]? (?:(?:wait|sorry|{_MAKE_IT}|actually|rather|better),? )?"
    rf"|(?:sorry|wait|actually|or rather|rather|{_MAKE_IT}),? (?:{_MAKE_IT} )?)"
    rf"(?=(?:(?:under|below|up to|at most|max|about|around|size|less than) )?{_MONEY})"
)


def is_correction(between: str) -> bool:
    """Whether what stands between two things says that the second is meant, and not the first."""
    return bool(_AT_ONCE.match(between) or _SOMEWHERE.search(between))


def without_taken_back(text: str) -> str:
    """The text, in digits, without the numbers that are replaced by the next one."""
    return _NUMBER_TAKEN_BACK.sub("", text)
