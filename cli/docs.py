"""`./run docs`: writes docs/api.md from the docstrings of the public words, and the commands of
docs/command-line.md from their parsers."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import parley
from cli import command_page
from parley import paths
from parley.arguments import CommandParser
from parley.errors import ParleyError

PAGE = Path("docs/api.md")
MODULES = {
    "agent": ("Agents", "Agent"),
    "tool": ("Tools", "tool"),
    "hang_up": ("Hanging up", "hang_up"),
    "mcp": ("MCP servers", "McpServer"),
    "engine": ("Engines", "Engine"),
    "app_service": ("What an app shares", "AppService"),
    "language_model": ("The language model, for engines", "LanguageModel"),
    "events": ("Events", "Event"),
    "session": ("Sessions", "Session"),
    "turn_policy": ("Turn-taking", "TurnPolicy"),
}
"""Of parley/app, in the order of the page: the title of each, and the word that comes first."""

LONGEST_LINE = 90

_HEAD = """\
# Public words

What `from parley import …` gives: everything that an agent is declared with. Written from the
docstrings by `./run docs`; do not edit it here. Other modules of Parley are its inside and may
change with any version; what is on this page changes as CHANGELOG.md says.
"""


@dataclass(frozen=True)
class Field:
    """`default` empty: there is none."""

    name: str
    annotation: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Method:
    """`signature` is the source from `def` on, in one line."""

    signature: str
    meaning: str


@dataclass(frozen=True)
class Word:
    """One exported name as the page shows it."""

    name: str
    declared: str
    meaning: str
    fields: Sequence[Field] = ()
    methods: Sequence[Method] = ()


def main(arguments: list[str]) -> int:
    make_parser().parse_args(arguments)
    for name, made in PAGES.items():
        (paths.repository() / name).write_text(made(), encoding="utf-8")
        print(f"wrote {name}")
    return 0


def stale_pages() -> list[Path]:
    """Those that are not what the code gives."""
    root = paths.repository()
    return [
        name
        for name, made in PAGES.items()
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != made()
    ]


def page() -> str:
    """The page; raises ParleyError for an exported name that no module of the page declares."""
    words = {
        name: sorted(words_of(name), key=lambda word: word.name != first)
        for name, (_, first) in MODULES.items()
    }
    missing = set(parley.__all__) - {word.name for found in words.values() for word in found}
    if missing:
        raise ParleyError(f"no module of {PAGE} declares {', '.join(sorted(missing))}")
    parts = [_HEAD, _links([word.name for found in words.values() for word in found])]
    for name, (title, _) in MODULES.items():
        parts.append(f"## {title}\n\n{_flowing(ast.get_docstring(_parsed(name)))}\n")
        parts += [_shown(word) for word in words[name]]
    return "\n".join(parts)


def _links(names: Sequence[str]) -> str:
    """To each heading, in the order of the alphabet; of equal anchors the second ends in -1."""
    anchors = [name.lower() for name in names]
    links = {}
    for number, (name, anchor) in enumerate(zip(names, anchors, strict=True)):
        before = anchors[:number].count(anchor)
        links[name] = f"[`{name}`](#{anchor}{f'-{before}' if before else ''})"
    return ",\n".join(links[name] for name in sorted(links)) + "\n"


def words_of(module: str) -> Iterator[Word]:
    """The exported names that the module of parley/app declares, in its order."""
    source = _file(module).read_text(encoding="utf-8")
    body = _parsed(module).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.ClassDef() if node.name in parley.__all__:
                yield _class(node, source)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name in parley.__all__:
                if not any(ast.unparse(mark) == "overload" for mark in node.decorator_list):
                    meaning = _flowing(ast.get_docstring(node))
                    yield Word(node.name, _function(node, source), meaning)
            case ast.Assign(targets=[ast.Name(id=name)]) if name in parley.__all__:
                declared = f"{name} = {_line(node.value, source)}"
                yield Word(name, declared, _flowing(_string(after)))


def _class(node: ast.ClassDef, source: str) -> Word:
    bases = ", ".join(_line(base, source) for base in node.bases)
    fields, methods = [], []
    for item, after in zip(node.body, [*node.body[1:], None], strict=True):
        match item:
            case ast.AnnAssign(target=ast.Name(id=name)) if not name.startswith("_"):
                default = _default(_line(item.value, source)) if item.value is not None else ""
                annotation = _line(item.annotation, source)
                fields.append(Field(name, annotation, default, _flowing(_string(after))))
            case ast.Assign(targets=[ast.Name(id=name)]) if not name.startswith("_"):
                value = _line(item.value, source)
                fields.append(Field(name, "", value, _flowing(_string(after))))
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not item.name.startswith("_"):
                meaning = _flowing(ast.get_docstring(item))
                if any(ast.unparse(mark) == "property" for mark in item.decorator_list):
                    annotation = _line(item.returns, source) if item.returns is not None else ""
                    fields.append(Field(item.name, annotation, "", meaning))
                else:
                    methods.append(Method(_function(item, source), meaning))
    marks = "".join(f"@{_line(mark, source)}\n" for mark in node.decorator_list)
    declared = f"{marks}class {node.name}({bases})" if bases else f"{marks}class {node.name}"
    meaning = _flowing(ast.get_docstring(node))
    return Word(node.name, declared, meaning, fields, methods)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, source: str) -> str:
    """The source from `def` to the colon, in one line."""
    lines = source.splitlines()[node.lineno - 1 : node.body[0].lineno - 1] or [
        source.splitlines()[node.lineno - 1]
    ]
    declared = " ".join(" ".join(lines).split()).removesuffix(" ...").removesuffix(":")
    return declared.replace("( ", "(").replace(", )", ")")


def _shown(word: Word) -> str:
    declared = word.declared
    if len(declared) > LONGEST_LINE:
        declared = _wrapped(declared)
    parts = [f"### {word.name}\n", f"```python\n{declared}\n```\n", f"{word.meaning}\n"]
    if word.fields:
        parts.append("| | type | default | |\n|---|---|---|---|")
        parts += [
            f"| `{field.name}` | {_code(field.annotation)} | {_code(field.default)} "
            f"| {_cell(field.meaning)} |"
            for field in word.fields
        ]
        parts[-1] += "\n"
    parts += [f"- `{method.signature}`: {_cell(method.meaning)}" for method in word.methods]
    if word.methods:
        parts[-1] += "\n"
    return "\n".join(parts)


def _wrapped(declared: str) -> str:
    """A long signature with a line for each parameter, a long union with one for each type."""
    if not declared.startswith(("def ", "async def ")):
        return declared.replace(" = ", " = (\n    ", 1).replace(" | ", "\n    | ") + "\n)"
    name, _, rest = declared.partition("(")
    parameters, _, returned = rest.rpartition(") -> ")
    depth, lines = 0, [""]
    for letter in parameters:
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and not depth:
            lines.append("")
        else:
            lines[-1] += letter
    inner = "".join(f"    {line.strip()},\n" for line in lines)
    return f"{name}(\n{inner}) -> {returned}"


def _default(value: str) -> str:
    made = re.fullmatch(r"field\(default_factory=(\w+)\)", value)
    return {"dict": "{}", "list": "[]"}.get(made[1], f"{made[1]}()") if made else value


def _file(module: str) -> Path:
    return paths.repository() / "parley" / "app" / f"{module}.py"


def _parsed(module: str) -> ast.Module:
    return ast.parse(_file(module).read_text(encoding="utf-8"))


def _string(node: ast.stmt | None) -> str | None:
    """What a string that stands by itself says: the docstring of the assignment before it."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return inspect.cleandoc(text)
        case _:
            return None


def _line(node: ast.expr, source: str) -> str:
    return " ".join((ast.get_source_segment(source, node) or "").split())


def _flowing(docstring: str | None) -> str:
    """Paragraphs in one line each."""
    return "\n\n".join(" ".join(part.split()) for part in (docstring or "").split("\n\n"))


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("\n\n", " ").replace("|", "\\|")


def make_parser() -> CommandParser:
    return CommandParser(prog="./run docs", description=__doc__)


PAGES: Mapping[Path, Callable[[], str]] = MappingProxyType(
    {PAGE: page, command_page.PAGE: command_page.page}
)
