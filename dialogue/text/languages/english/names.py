"""Titles, abbreviations, suffixes of names, streets and states."""

import re

from dialogue.text.languages.english.numbers import after, before
from dialogue.text.languages.rules.rule import Rule, rule, with_full_stop

_TITLES = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Prof": "Professor",
    "Sgt": "Sergeant", "Capt": "Captain", "Lt": "Lieutenant", "Gen": "General",
    "Sen": "Senator", "Gov": "Governor", "St": "Saint", "Mt": "Mount", "Rev": "Reverend",
    "Rep": "Representative", "Col": "Colonel", "Maj": "Major", "Cpl": "Corporal",
    "Pvt": "Private", "Adm": "Admiral", "Cmdr": "Commander", "Hon": "Honorable",
    "Msgr": "Monsignor", "Pres": "President", "Supt": "Superintendent", "Ft": "Fort",
    "Pt": "Point", "Messrs": "Messrs", "Det": "Detective", "Insp": "Inspector",
}  # fmt: skip
_PHRASES = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus",
    "vs": "versus", "approx.": "approximately", "w/o": "without", "w/": "with",
    "and/or": "and or", "n/a": "not applicable", "dept.": "department", "govt.": "government",
    "est.": "established", "inc.": "incorporated", "ltd.": "limited", "corp.": "corporation",
    "bros.": "brothers", "ca.": "circa", "al.": "al", "esq.": "esquire", "assn.": "association",
    "intl.": "international", "univ.": "university", "approx": "approximately",
    "misc.": "miscellaneous", "max.": "maximum", "min.": "minimum", "avg.": "average",
    "tel.": "telephone", "ext.": "extension", "a.k.a.": "also known as", "b/c": "because",
    "c/o": "care of", "q.v.": "which see", "viz.": "namely", "incl.": "including",
    "excl.": "excluding", "mfg.": "manufacturing", "jr.": "junior", "sr.": "senior",
    "ph.d.": "P.H.D.", "phd": "P.H.D.", "appt.": "appointment", "temp.": "temperature",
}  # fmt: skip
_CASED = frozenset("est. al. min. max. temp. ca. tel. ext.".split())
"""Only in lower case: "Al." and "Min." are names."""
_BEFORE_NUMBER = {
    "fig": "figure", "figs": "figures", "vol": "volume", "vols": "volumes", "ch": "chapter",
    "sec": "section", "pp": "pages", "p": "page", "op": "opus", "art": "article", "eq": "equation",
    "ver": "version", "apt": "apartment", "ste": "suite", "bldg": "building", "ex": "example",
    "no": "number", "nos": "numbers", "nr": "number", "ln": "line", "col": "column", "pt": "part",
    "rm": "room", "ref": "reference", "tel": "telephone", "ext": "extension", "hwy": "highway",
    "rte": "route", "c": "circa", "ca": "circa", "approx": "approximately",
}  # fmt: skip
_STREETS = {
    "St": "Street", "Dr": "Drive", "Ave": "Avenue", "Av": "Avenue", "Blvd": "Boulevard",
    "Rd": "Road", "Ln": "Lane", "Ct": "Court", "Pl": "Place", "Sq": "Square", "Hwy": "Highway",
    "Pkwy": "Parkway", "Ter": "Terrace", "Cir": "Circle", "Trl": "Trail", "Expy": "Expressway",
    "Fwy": "Freeway", "Tpke": "Turnpike", "Cres": "Crescent", "Aly": "Alley",
}  # fmt: skip
_CLEAR_STREETS = frozenset("Ave Blvd Rd Ln Hwy Pkwy Expy Fwy Tpke".split())
"""That nothing else is, wherever they stand."""
_COMPASS = {
    "N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest",
    "SE": "Southeast", "SW": "Southwest",
}  # fmt: skip
_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa",
    "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine", "MD": "Maryland",
    "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
    "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire",
    "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina",
    "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania",
    "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee",
    "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
    "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "DC": "D.C.",
}  # fmt: skip
_OLD_STATES = {"Tex": "Texas", "Calif": "California", "Mass": "Massachusetts", "Fla": "Florida",
               "Ill": "Illinois", "Conn": "Connecticut", "Penn": "Pennsylvania", "Mich": "Michigan",
               "Wash": "Washington", "Minn": "Minnesota", "Ariz": "Arizona", "Colo": "Colorado",
               "Tenn": "Tennessee", "Wis": "Wisconsin", "Va": "Virginia",
               "Okla": "Oklahoma"}  # fmt: skip
_WORDS_TOO = frozenset("OK HI OH OR IN ME PA MA LA ID MS MD PC".split())
_HOUSE_NUMBER = re.compile(
    r"\b\d+[A-Za-z]?\s(?:[NSEW]{1,2}\.?\s)?(?:[A-Z][\w'’]*\s|\d+(?:st|nd|rd|th)\s){1,3}$"
)
_STARTS_SENTENCE = re.compile(
    r"\s(?:It|I|He|She|The|They|We|You|This|That|There|Then|Turn|Go|My|Our|Your|Is|What|An?|In|On|At|"
    r"But|And|If|When|Please|Take|Keep|Continue|So|Its?|Are|Do|Does|How|Where|Walk|Drive|Next|After)\b"
)
_KIND = re.compile(
    r"\b(?:account|bus|case|catalog|flight|house|invoice|issue|item|model|order|page|part|phone|"
    r"policy|reference|room|route|serial|ticket|track|tracking|train|see|in)\s$",
    re.I,
)
"""Before "no. 5": elsewhere that may be a "no" that ends a sentence."""
_NAME = re.compile(r"(?:\b[A-Z][\w'’]+|\d(?:st|nd|rd|th))\s$")


def _phrase(match: re.Match[str]) -> str | None:
    written = match[0]
    if written.lower() in _CASED and not written.islower():
        return None
    if written in ("est.", "ca.", "min.", "max.") and not re.match(r"\s(?:in\s)?\d", after(match)):
        return None
    return with_full_stop(_PHRASES[written.lower()], match)


def _and_company(match: re.Match[str]) -> str:
    return with_full_stop("Company", match)


def _title(match: re.Match[str]) -> str:
    return _TITLES[match[1]]


def _numbered(match: re.Match[str]) -> str | None:
    name = match[1]
    if len(name) == 1 and name not in ("p", "c"):
        return None
    if name in ("no", "nos", "sec", "ex", "art", "col", "ref") and not _KIND.search(before(match)):
        return None
    words = _BEFORE_NUMBER[name.lower()]
    return (words.capitalize() if name[0].isupper() and words != "number" else words) + " "


def _street(match: re.Match[str]) -> str | None:
    """ "55 Maple Dr." and "Main St. and", but "Dr. Lee", "Ask Dr. Lee", "St. Mary"."""
    name, text, rest = match[1], before(match), after(match)
    if not _NAME.search(text):
        return None
    clear = name in _CLEAR_STREETS or _HOUSE_NUMBER.search(text)
    followed = re.match(r"\s[A-Z]", rest) and not _STARTS_SENTENCE.match(rest)
    if not clear and (
        followed or (not match[0].endswith(".") and name in ("Dr", "Pl", "Ct", "Ter"))
    ):
        return None
    if not clear and name not in ("St", "Dr") and not match[0].endswith("."):
        return None
    words = _STREETS[name]
    return words + "." if match[0].endswith(".") and re.match(r"\s[A-Z]", rest) else (
        with_full_stop(words, match)
    )  # fmt: skip


def _state(match: re.Match[str]) -> str | None:
    code, text, rest = match[1], before(match), after(match)
    if not re.search(r"\b[A-Z][\w.'’-]+,\s$", text):
        return None
    zipped = re.match(r"\s\d{5}\b", rest)
    if code in ("OK", "HI", "OH", "MD") and not zipped:
        return None
    if code in _WORDS_TOO and not (zipped or re.match(r"\s*(?:[.,;:!?)]|$)", rest)):
        return None
    return _STATES[code]


def _state_in_short(match: re.Match[str]) -> str:
    return with_full_stop(_OLD_STATES[match[1]], match)


def _compass_before(match: re.Match[str]) -> str:
    return _COMPASS[match[1]] + " "


_PHRASE = "|".join(map(re.escape, sorted(_PHRASES, key=len, reverse=True)))
_STREET = "|".join(sorted(_STREETS, key=len, reverse=True))

RULES: tuple[Rule, ...] = (
    rule(rf"\b({_STREET})\b\.?", _street),
    rule(rf"\b({'|'.join(_TITLES)})\.(?=\s+(?:and\s|&\s)?[A-Z]|\s*$)", _title),
    rule(r"\b(Dr|Mr|Mrs|St)(?=\s[A-Z][a-z])", _title),
    rule(r"(?<=(?:St|Rd|Dr|Ln|ve|vd)\s)(?:NE|NW|SE|SW|[NSEW])\b(?!['’])|"
         r"(?<=(?:St|Rd|Dr|Ln|ve|vd)\.\s)(?:NE|NW|SE|SW)\b", lambda m: _COMPASS[m[0]]),
    rule(r"(?<=\d\s)([NSEW])\.?\s(?=(?:[A-Z][a-z]|\d{1,3}(?:st|nd|rd|th)\b))", _compass_before),
    rule(r"(?<=\d\s)[NSEW]\b(?=\s*[.,;]|\s*$)", lambda m: _COMPASS[m[0]]),
    rule(rf"(?<=,\s)({'|'.join(_STATES)})\b(?!['’&-])", _state),
    rule(rf"(?<=,\s)({'|'.join(_OLD_STATES)})\.", _state_in_short),
    rule(r"(?<=&\s)Co\b\.?|(?<=and\sCo)\.", _and_company),
    rule(rf"(?<![\w.])(?:{_PHRASE})(?![\w])", _phrase, flags=re.I),
    rule(rf"\b({'|'.join(sorted(_BEFORE_NUMBER, key=len, reverse=True))})\.\s?(?=\d)", _numbered,
         flags=re.I),
    rule(r"#(?=\d)", "number "),
)  # fmt: skip
