"""LaTeX, as one reads a formula to somebody."""

import re
from collections.abc import Callable, Iterator
from functools import partial

from dialogue.text.languages.english.mathematics import GREEK, raised
from dialogue.text.languages.english.numbers import fraction, number
from dialogue.text.languages.rules.rule import Rule, rule

_WORDS = {
    "times": "times", "cdot": "times", "ast": "times", "div": "divided by", "pm": "plus or minus",
    "mp": "minus or plus", "leq": "is less than or equal to", "le": "is less than or equal to",
    "geq": "is greater than or equal to", "ge": "is greater than or equal to", "lt": "is less than",
    "gt": "is greater than", "neq": "is not equal to", "ne": "is not equal to",
    "approx": "is approximately", "sim": "is similar to", "equiv": "is equivalent to",
    "cong": "is congruent to", "propto": "is proportional to", "infty": "infinity", "to": "to",
    "rightarrow": "to", "longrightarrow": "to", "leftarrow": "from", "Rightarrow": "implies",
    "implies": "implies", "iff": "if and only if", "Leftrightarrow": "if and only if",
    "in": "in", "notin": "not in", "subset": "is a subset of", "subseteq": "is a subset of",
    "cup": "union", "cap": "intersection", "emptyset": "the empty set", "forall": "for all",
    "exists": "there exists", "partial": "partial", "nabla": "nabla", "land": "and",
    "wedge": "and", "lor": "or", "vee": "or", "neg": "not", "lnot": "not", "angle": "angle",
    "perp": "is perpendicular to", "parallel": "is parallel to", "circ": "degrees",
    "degree": "degrees", "prime": "prime", "ldots": "and so on", "cdots": "and so on",
    "dots": "and so on", "therefore": "therefore", "because": "because", "percent": "percent",
    "sin": "sine of", "cos": "cosine of", "tan": "tangent of", "log": "log of",
    "ln": "natural log of",
    "exp": "exponential of", "arcsin": "arc sine of", "arccos": "arc cosine of",
    "arctan": "arc tangent of", "det": "determinant of", "max": "the maximum of",
    "min": "the minimum of", "gcd": "the greatest common divisor of", "mod": "mod", "bmod": "mod",
    "hbar": "h bar", "ell": "l", "Re": "real part of", "Im": "imaginary part of",
    "quad": ",", "qquad": ",", "mid": "given",
}  # fmt: skip
_WORDS |= {name: name for name in GREEK.values()}
_WORDS |= {name.capitalize(): name for name in GREEK.values()}
_WORDS |= {f"var{name}": name for name in ("epsilon", "theta", "phi", "rho", "sigma")}
_LARGE = {"sum": "the sum", "prod": "the product", "int": "the integral", "lim": "the limit",
          "oint": "the integral", "iint": "the double integral", "bigcup": "the union",
          "bigcap": "the intersection"}  # fmt: skip
_PLAIN = frozenset(
    "text textbf textit mathrm mathbf mathit mathcal mathbb mathsf operatorname boxed overline "
    "underline hat bar vec tilde dot mbox emph color displaystyle textstyle left right big Big "
    "bigg Bigg bigl bigr limits begin end".split()
)
_DROPPED = frozenset("displaystyle textstyle left right big Big bigg Bigg bigl bigr limits".split())
_SIGNS = {"+": "plus", "-": "minus", "−": "minus", "=": "equals", "<": "is less than",
          ">": "is greater than", "*": "times", "/": "over", "!": "factorial", "≤": "at most",
          "≥": "at least", "≠": "is not equal to", "%": "percent", ",": ",",
          ";": ";", ":": ":"}  # fmt: skip
_TOKEN = re.compile(
    r"\\[A-Za-z]+\*?|\\.|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[A-Za-z]+|\S", re.S
)
_MAX_DEPTH = 12

_Tokens = list[str]


class _Reader:
    """Reads tokens front to back, each once."""

    def __init__(self, formula: str) -> None:
        self._tokens: _Tokens = _TOKEN.findall(formula)
        self._at = 0
        self._depth = 0

    def read(self) -> str:
        """All that is left, in words."""
        return " ".join(word for word in self._until(None) if word)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _until(self, end: str | None) -> Iterator[str]:
        while self._at < len(self._tokens):
            token = self._next()
            if token == end:
                return
            yield self._said(token)

    def _argument(self) -> str:
        """The next group in braces, or the next token."""
        if self._depth == _MAX_DEPTH:
            self._at = len(self._tokens)  # nobody could follow it
            return ""
        self._depth += 1
        opening = self._next()
        if opening == "{":
            words = " ".join(word for word in self._until("}") if word)
        else:
            words = self._said(opening, single=True) if opening else ""
        self._depth -= 1
        return words

    def _raw_argument(self) -> str:
        """Of a group that holds nothing but one token, that token; else empty. Moves nothing."""
        group = self._tokens[self._at : self._at + 3]
        return group[1] if len(group) == 3 and group[0] == "{" and group[2] == "}" else ""

    def _said(self, token: str, *, single: bool = False) -> str:
        if token.startswith("\\"):
            return self._command(token[1:].rstrip("*"))
        if token[0].isdigit():
            if single and len(token) > 1:  # x^10 is x to the one, then zero
                self._at -= 1
                self._tokens[self._at] = token[1:]
                token = token[0]
            return number(token)
        if token.isalpha():
            return token if len(token) > 3 else " ".join(token)
        read = {"^": self._raised, "_": self._lowered}.get(token)
        return read() if read else _SIGNS.get(token, "")

    def _lowered(self) -> str:
        return f"sub {self._argument()}"

    def _raised(self) -> str:
        if self._peek() == "\\circ":
            self._next()
            return "degrees"
        exponent = self._raw_argument() or self._peek()
        words = self._argument()
        if words in ("degrees", "prime"):
            return words
        return raised(exponent) if exponent in ("2", "3") else f"to the power of {words}"

    def _command(self, name: str) -> str:
        read = self._commands().get(name)
        if read is not None:
            return read()
        return _WORDS.get(name, name if name.isalpha() and len(name) > 1 else _SIGNS.get(name, ""))

    def _commands(self) -> dict[str, Callable[[], str]]:
        """Those that take arguments, or that nothing is said of."""
        return {
            **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac"), self._fraction),
            **dict.fromkeys(("binom", "dbinom"), self._binomial),
            **{large: partial(self._bounds, large) for large in _LARGE},
            **dict.fromkeys(_PLAIN, self._argument),
            **dict.fromkeys(_DROPPED, str),
            **dict.fromkeys(("begin", "end", "color"), self._skipped),
            "sqrt": lambda: f"{self._root()} root of {self._argument()}",
            "\\": lambda: ",",
        }

    def _skipped(self) -> str:
        self._argument()
        return ""

    def _binomial(self) -> str:
        return f"{self._argument()} choose {self._argument()}"

    def _fraction(self) -> str:
        raw_above, above = self._raw_argument(), self._argument()
        raw_below, below = self._raw_argument(), self._argument()
        if re.fullmatch(r"1?\d", raw_above) and re.fullmatch(r"[2-9]|1\d|20", raw_below):
            return fraction(int(raw_above), int(raw_below))
        return f"{above} over {below}"

    def _root(self) -> str:
        if self._peek() != "[":
            return "the square"
        self._next()
        degree = " ".join(word for word in self._until("]") if word)
        return "the cube" if degree == "three" else f"the {degree}th"

    def _bounds(self, name: str) -> str:
        low = high = ""
        while self._peek() in ("_", "^", "\\limits"):
            sign = self._next()
            if sign == "_":
                low = self._argument()
            elif sign == "^":
                high = self._argument()
        words = _LARGE[name]
        if low:
            words += f" as {low}" if name == "lim" else f" from {low}" if high else f" over {low}"
        return f"{words}{f' to {high}' if high else ''} of"


def spoken(formula: str) -> str:
    """A formula in words; each token is read once."""
    return _Reader(formula).read()


def _formula(match: re.Match[str]) -> str:
    return f" {spoken(next(group for group in match.groups() if group is not None))} "


def _in_dollars(match: re.Match[str]) -> str | None:
    """Dollars around a formula; amounts have no signs of one between them."""
    formula = match[1]
    if re.fullmatch(r"[A-Za-z](?:['!]|[a-z]!)?|\d+", formula):
        return f" {spoken(formula)} " if not formula.isdigit() else None
    if not re.search(r"[\\^_=<>+*/()!{}]|[A-Za-z]\s?-|\d\s?-\s?[A-Za-z]", formula):
        return None
    if re.match(r"\d[\d,.]*(?:[kmb]|\s[a-z]{3,}|[,.;/])", formula) and "\\" not in formula:
        return None
    return f" {spoken(formula)} "


def _command(match: re.Match[str]) -> str | None:
    name = match[1]
    if name not in _WORDS and name not in _LARGE and name not in _PLAIN and name not in (
        "frac", "dfrac", "tfrac", "sqrt", "binom",
    ):  # fmt: skip
        return None
    return f" {spoken(match[0])} "


_GROUP = r"\{(?:[^{}\n]|\{[^{}\n]{0,60}\}){0,120}\}"
RULES: tuple[Rule, ...] = (
    rule(
        r"\$\$([^$]{1,400})\$\$|\\\[(.{1,400}?)\\\]|\\\((.{1,400}?)\\\)|"
        r"\\begin\{(?:[a-z]{1,12}\*?)\}(.{1,400}?)\\end\{[a-z]{1,12}\*?\}",
        _formula,
        flags=re.S,
    ),
    rule(r"(?<![\w$\\])\$(?=[^\s$])([^$\n]{1,300}?)(?<=[^\s\\])\$(?![\w$])", _in_dollars),
    rule(
        rf"(?<![\w:\\])\\([A-Za-z]{{2,20}})(?:\[\w\])?(?:{_GROUP}|[_^](?:\w|{_GROUP})){{0,4}}",
        _command,
    ),
)
