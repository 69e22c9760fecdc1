"""Brands as recognition writes them: "moto rolla" is Motorola, "lenova" Lenovo."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_LONGEST_WORDS = 3
_SHORTEST = 4
_VOWEL_FROM = 5
"""Letters of a brand's sound from which one vowel may be another: "garmen" is Garmin."""
_EDIT_FROM = 7
"""Letters of it from which any one may be another, or missing."""
_SOUNDS = (
    ("sch", "sh"),
    ("tch", "ch"),
    ("ph", "f"),
    ("ck", "k"),
    ("chr", "kr"),
    ("qu", "k"),
    ("q", "k"),
    ("x", "ks"),
    ("z", "s"),
    ("y", "i"),
    ("ie", "i"),
)
_ORDINARY = frozenset(
    "a an and as at be by for he i in is it its me my of on or she that the they this to us we you "
    "your "
    "base based bench boss both breaks brakes brown case cases course courses design desk dial "
    "does done goggle goggles hands like mail mile miles nine noise one place please sorry sunny "
    "sure zero".split()
)
"""Words that sound like a brand and are none."""


def with_brands(text: str, names: AbstractSet[str], others: AbstractSet[str]) -> str:
    """The text in lower case with each brand that was heard wrongly spelled as it is called.

    `names`: how brands are called, in lower case. `others`: words that mean
    something else, such as colors and kinds of goods.
    """
    own = _ORDINARY | others
    sounds = _of_names(frozenset(names))
    words = list(_WORD.finditer(text))
    written, behind, place = [], 0, 0
    while place < len(words):
        found = _heard(text, words, place, names, sounds, own)
        if found is None:
            place += 1
            continue
        name, count = found
        written += [text[behind : words[place].start()], name]
        behind = words[place + count - 1].end()
        place += count
    return "".join((*written, text[behind:]))


def _heard(
    text: str,
    words: list[re.Match[str]],
    place: int,
    names: AbstractSet[str],
    sounds: Mapping[str, str],
    own: AbstractSet[str],
) -> tuple[str, int] | None:
    """The brand that is meant at the word, and of how many words it is; None: none, or one that is
    spelled as it should be."""
    for count in range(min(_LONGEST_WORDS, len(words) - place), 0, -1):
        run = words[place : place + count]
        said = [word[0] for word in run]
        between = text[run[0].start() : run[-1].end()]
        if " ".join(said) in names:
            return None
        if re.search(r"[^a-z0-9' -]", between) or all(word in own for word in said):
            continue
        joined = "".join(said)
        if joined in names and count > 1:
            return joined, count
        if any(word in own or word in names for word in said):
            continue
        if (name := _sounding(sound_of(joined), sounds)) is not None:
            return name, count
    return None


def _sounding(sound: str, sounds: Mapping[str, str]) -> str | None:
    if sound in sounds:
        return sounds[sound]
    if len(sound) >= _VOWEL_FROM:
        for other, name in sounds.items():
            if sound[0] == other[0] and _is_like(sound, other):
                return name
    return None


def _is_like(one: str, other: str) -> bool:
    """Whether one letter makes the difference; of short ones, a vowel in place of another."""
    if len(one) == len(other):
        differ = [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
        is_vowel = len(differ) == 1 and set(differ[0]) <= set("aeiou")
        return is_vowel or (len(differ) == 1 and len(other) >= _EDIT_FROM)
    if abs(len(one) - len(other)) > 1 or len(other) < _EDIT_FROM:
        return False
    short, long = sorted((one, other), key=len)
    at = next((n for n, letter in enumerate(short) if letter != long[n]), len(short))
    return short[at:] == long[at + 1 :]


@lru_cache(maxsize=8)
def _of_names(names: frozenset[str]) -> dict[str, str]:
    letters = {name: re.sub(r"[^a-z]", "", name) for name in sorted(names)}
    return {sound_of(said): name for name, said in letters.items() if len(said) >= _SHORTEST}


def sound_of(word: str) -> str:
    """Alike for words that sound alike, as far as spelling tells."""
    sound = re.sub(r"[^a-z]", "", word)
    for letters, same in _SOUNDS:
        sound = sound.replace(letters, same)
    sound = re.sub(r"c(?=[ei])", "s", sound).replace("c", "k")
    sound = re.sub(r"(.)\1+", r"\1", sound)
    return sound[:-1] if sound.endswith("e") and len(sound) > 4 else sound
