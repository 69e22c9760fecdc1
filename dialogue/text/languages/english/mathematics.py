"""Arithmetic, powers, scientific notation, mathematical signs, Greek letters."""

import re

from dialogue.text.languages.english.numbers import (
    NUMBER,
    after,
    before,
    cardinal,
    digits,
    in_pairs,
    number,
)
from dialogue.text.languages.rules.rule import Rule, rule

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon",
    "ζ": "zeta", "η": "eta", "θ": "theta", "ϑ": "theta", "ι": "iota", "κ": "kappa",
    "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi", "ρ": "rho",
    "σ": "sigma", "ς": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "ϕ": "phi", "χ": "chi",
    "ψ": "psi", "ω": "omega",
}  # fmt: skip
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ", "0123456789+-ni")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SIGNS = {
    "∞": "infinity", "∈": "in", "∉": "not in", "∪": "union", "∩": "intersection", "⊂": "subset of",
    "⊆": "subset of", "⊃": "superset of", "∅": "the empty set", "∑": "the sum of",
    "∏": "the product of", "∫": "the integral of", "∂": "partial", "∇": "nabla", "∀": "for all",
    "∃": "there exists", "⇒": "implies", "⇔": "if and only if", "↔": "if and only if",
    "≡": "is equivalent to", "∝": "is proportional to", "∴": "therefore", "∠": "angle",
    "√": "the square root of", "∛": "the cube root of", "∧": "and", "∨": "or", "¬": "not",
    "⋅": "times", "∙": "times", "∗": "times", "∘": "of", "⊥": "perpendicular to",
    "∥": "parallel to", "≪": "much less than", "≫": "much greater than", "≅": "is congruent to",
    "℃": "degrees Celsius", "℉": "degrees Fahrenheit", "ℝ": "R", "ℕ": "N", "ℤ": "Z",
    "♯": "sharp", "♭": "flat", "♮": "natural", "§": "section", "¶": "paragraph", "‰": "per mille",
    "←": "from", "↑": "up", "↓": "down", "½": "one half",
}  # fmt: skip
_EXPRESSION_BEFORE = re.compile(
    r"=\s?[\d.,()+*/×÷−\s-]{0,30}$|[\d)]\s?[+*/×÷=]\s?\d[\d.,]*$|[+*×÷]\s?\d[\d.,]*$", re.I
)
_ASKED = re.compile(
    r"\b(?:what(?:'s|’s| is)|calculate|compute|solve|evaluate|subtract|equals|how much is)\s"
    r"[\d.,()\s+*/×÷-]{1,30}$",
    re.I,
)


def raised(exponent: str) -> str:
    """ "2", "-3" or "n": squared, to the power of minus three, to the power of n."""
    if exponent in ("2", "3"):
        return "squared" if exponent == "2" else "cubed"
    return f"to the power of {signed(exponent)}"


def signed(written: str) -> str:
    """A number with or without its sign; anything else as it stands."""
    sign = {"-": "minus ", "−": "minus ", "–": "minus ", "+": "plus "}.get(written[:1], "")
    rest = written[1:] if sign else written
    return sign + (number(rest) if re.fullmatch(NUMBER, rest) else rest)


def _caret(match: re.Match[str]) -> str:
    return f" {raised(match[1] or match[2])}"


def _superscript(match: re.Match[str]) -> str:
    exponent = match[0].translate(_SUPERSCRIPTS)
    if exponent[-1] in "+-":  # an ion: Fe³⁺
        sign = "plus" if exponent[-1] == "+" else "minus"
        return f" {signed(exponent[:-1])} {sign}" if exponent[:-1] else f" {sign}"
    return f" {raised(exponent)}"


def _subscript(match: re.Match[str]) -> str:
    written = match[0].translate(_SUBSCRIPTS)
    words = cardinal(int(written)) if written[0] != "0" else digits(written)
    following = match.string[match.end() : match.end() + 1]
    return f" {words}" + (" " if following.isalnum() else "")


def _isotope(match: re.Match[str]) -> str:
    return in_pairs(match[0].translate(_SUPERSCRIPTS)) + " "


def _scientific(match: re.Match[str]) -> str:
    return f"{number(match[1])} times ten to the power of {signed(match[2])}"


def _minus(match: re.Match[str]) -> str | None:
    """A hyphen between numbers is a minus in a calculation, else a range."""
    if "−" in match[0]:
        return " minus "
    text, rest = before(match), after(match)
    calculated = (
        re.match(r"[\d.,()+*/×÷−\s-]{1,30}=", rest)
        or _EXPRESSION_BEFORE.search(text)
        or _ASKED.search(text)
    )
    return " minus " if calculated else None


def _over(match: re.Match[str]) -> str:
    return " divided by "


def _product(match: re.Match[str]) -> str:
    """ "2x4" boards are two by four; "3x4 = 12" is three times four."""
    times = "×" in match[2] or re.match(r"\s?=", after(match))
    return f"{number(match[1])} {'times' if times else 'by'} {number(match[3])}"


def _by(match: re.Match[str]) -> str:
    return (
        " by "
        if match[0].strip() in "xX" or re.search(r"[a-z]\s?$", before(match, 8))
        else " times "
    )


def _greek(match: re.Match[str]) -> str:
    letter = match[0]
    return f" {GREEK.get(letter) or GREEK[letter.lower()]} "


def _function(match: re.Match[str]) -> str:
    return f"{match[1]} of {match[2]}"


_LETTERS = "".join(GREEK) + "".join(GREEK).upper()
RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w)])[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}(?=[A-Z])", _isotope),
    rule(r"(?<![\w.])(\d{1,3}(?:\.\d{1,6})?)[eE]([+-]?\d{1,3})(?!\w|\.\d)", _scientific),
    rule(r"(?<=[\w)\]])\^(?:\{?([-−+]?\d{1,4}|[A-Za-z])\}?|\(([-−+]?\d{1,4}|[A-Za-z])\))(?!\w)",
         _caret),
    rule(r"(?<=[\w)\]])[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿⁱ]{1,6}[⁺⁻]?|(?<=[A-Za-z])[⁺⁻]", _superscript),
    rule(r"(?<=\w)[₀₁₂₃₄₅₆₇₈₉]{1,4}", _subscript),
    rule(r"(?<=[\d)])\s?[-−–]\s?(?=[\d(])", _minus),
    rule(r"(?<=[\w)])\s?−\s?(?=[\w(])", " minus "),
    rule(r"(?<=[\d)])\s/\s(?=[\d(])|(?<=[\d)])/(?=\()|(?<=\))/(?=\d)|∕", _over),
    rule(rf"(?<![\w.,])({NUMBER})(\s?[x×X]\s?)({NUMBER})(?![\w]|[.,]\d)", _product),
    rule(r"(?<=\d)!(?=\s?[=+*/×)−-])", " factorial "),
    rule(r"(?<=\d)\s?[x×X]\s?(?=\d)|"
         r"(?:(?<=\d\s[a-z])|(?<=\d\s[a-z]\s)|(?<=\d[a-z])|(?<=\d[a-z]\s)|(?<=\d[a-z]{2})|"
         r"(?<=\d[a-z]{2}\s)|(?<=\d\s[a-z]{2})|(?<=\d\s[a-z]{2}\s))\s?×\s?(?=\d)", _by),
    rule(r"(?<=[\d)])\s?[*·⋅∙∗]\s?(?=[\d(a-zA-Z])", " times "),
    rule(r"(?<![\w.)])(\d{1,3})(?=(?:[xyn]|[abcz](?=\s?[-+=]))(?:\s?[-+=*/^²³)]))",
         lambda m: number(m[1]) + " "),
    rule(r"\b([fghFGP])\(([a-zA-Z])\)", _function),
    rule(rf"(?<![{_LETTERS}])[{_LETTERS}](?![{_LETTERS}])", _greek),
    rule(f"[{''.join(_SIGNS)}]", lambda m: f" {_SIGNS[m[0]]} "),
)  # fmt: skip
