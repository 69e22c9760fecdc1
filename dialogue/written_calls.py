"""Reads tool calls that a model wrote as text instead of sending them as calls."""

import ast
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence

from dialogue.messages import ToolRequest

Parameters = Mapping[str, Sequence[str]]
"""The names of the tools that are offered, each with its parameters in order."""

_NAME_KEYS = ("name", "tool_name", "tool", "function", "action")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input", "action_input", "tool_input")
_NO_NAMES = frozenset(("function", "functions", "json", "tool", "call", "ARGS", "args", "type"))
_BRACKETS = {"{": "}", "[": "]", "(": ")"}
_TAGGED = re.compile(
    r"<(?:function\s*=\s*|(?:invoke|function)\s+name\s*=\s*)[\"']?([\w.-]+)[\"']?\s*>"
    r"(.*?)(?=</(?:function|invoke)|<(?:function\s*=|invoke\s+name)|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_TAGGED_ARGUMENT = re.compile(
    r"<parameter(?:\s*=\s*|\s+name\s*=\s*)[\"']?([\w.-]+)[\"']?[^>]*>\s*(.*?)\s*</parameter>"
    r"|<arg_key>\s*(.*?)\s*</arg_key>\s*<arg_value>\s*(.*?)\s*</arg_value>",
    re.DOTALL | re.IGNORECASE,
)
_TOKEN = re.compile(r"<[^<>]*>|\[/?[A-Z_]+\]|✿ARGS✿|✿FUNCTION✿|```\w*")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w-]*")


def written_calls(text: str, known: Parameters) -> list[ToolRequest]:
    """The calls in a text that is a tool call, in order; empty where none can be read.

    Names that are not known are taken as they are. Takes linear time but for broken JSON.
    """
    readers = (_tagged, _json_calls, _python_calls)
    for reader in readers:
        if calls := list(reader(text, known)):
            return calls
    return []


def broken_call(text: str, known: Parameters) -> ToolRequest:
    """A call of which no more than the name can be told, if that; its arguments are as written."""
    names = [name for name in _IDENTIFIER.findall(text) if name in known]
    after = re.search(r"[\"']name[\"']\s*:\s*[\"']([\w.-]+)", text)
    name = names[0] if names else after[1] if after else "unreadable"
    return _request(name, text.strip())


def looks_like_call(value: object, known: Parameters) -> bool:
    """Whether JSON that stands in an answer is meant as a call, or as calls."""
    if isinstance(value, list):
        return bool(value) and all(looks_like_call(each, known) for each in value)
    if not isinstance(value, dict):
        return False
    if any(isinstance(value.get(key), list) for key in ("tool_calls", "calls")):
        return True
    call = _of_object(value)
    if call is None:
        return False
    inner = value.get("function")
    has_arguments = any(key in value for key in _ARGUMENT_KEYS) or isinstance(inner, dict)
    return has_arguments or call.name in known


def loaded(text: str) -> object:
    """The value of JSON, or of the same in Python's spelling; None for anything else."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def end_of_brackets(text: str, start: int) -> int | None:
    """Behind the bracket that closes the one at `start`; None where it does not come."""
    open_ones: list[str] = []
    quote, place = "", start
    while place < len(text):
        character = text[place]
        if quote:
            if character == "\\":
                place += 1
            elif character == quote:
                quote = ""
        elif character in "\"'":
            quote = character
        elif character in _BRACKETS:
            open_ones.append(_BRACKETS[character])
        elif open_ones and character == open_ones[-1]:
            open_ones.pop()
            if not open_ones:
                return place + 1
        place += 1
    return None


def _tagged(text: str, known: Parameters) -> Iterator[ToolRequest]:
    """`<function=name>…</function>` and `<invoke name="name">…</invoke>`."""
    for name, body in _TAGGED.findall(text):
        yield _request(name, _tagged_arguments(body) or _first_object(body) or "{}")


def _tagged_arguments(body: str) -> str:
    found: dict[str, object] = {}
    for name, value, key, of_key in _TAGGED_ARGUMENT.findall(body):
        written = value or of_key
        structured = loaded(written) if written[:1] in ("[", "{") else None
        found[name or key] = written if structured is None else structured
    return json.dumps(found, ensure_ascii=False) if found else ""


def _first_object(body: str) -> str:
    start = body.find("{")
    end = end_of_brackets(body, start) if start >= 0 else None
    value = loaded(body[start:end]) if end is not None else None
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else body.strip()


def _json_calls(text: str, known: Parameters) -> Iterator[ToolRequest]:
    """Objects that name a tool, and objects behind a tool's name."""
    before = place = 0
    while match := re.compile(r"[{\[]").search(text, place):
        place = match.start()
        end = end_of_brackets(text, place)
        value = loaded(text[place:end]) if end is not None else None
        if end is None or value is None or value == []:
            place += 1
            continue
        calls = list(_of_value(value))
        if not calls and isinstance(value, dict):
            name = _last_name(text[before:place], known)
            calls = [_request(name, json.dumps(value, ensure_ascii=False))] if name else []
        yield from calls
        before = place = end
    if before == 0 and (arguments := _tagged_arguments(text)):
        yield _request(_last_name(text.split("<arg_key>", maxsplit=1)[0], known), arguments)


def _of_value(value: object) -> Iterator[ToolRequest]:
    if isinstance(value, list):
        for each in value:
            yield from _of_value(each)
    elif isinstance(value, dict):
        for key in ("tool_calls", "calls"):
            if isinstance(value.get(key), list):
                yield from _of_value(value[key])
                return
        if (call := _of_object(value)) is not None:
            yield call


def _of_object(value: Mapping[str, object]) -> ToolRequest | None:
    if isinstance(inner := value.get("function"), dict):
        return _of_object(inner)
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
        return None
    arguments = next((value[key] for key in _ARGUMENT_KEYS if key in value), {})
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return _request(name, arguments)


def _last_name(text: str, known: Parameters) -> str:
    names: list[str] = _IDENTIFIER.findall(_TOKEN.sub(" ", text).replace("functions.", " "))
    mine = [name for name in names if name in known]
    others = [name for name in names if name not in _NO_NAMES]
    return (mine or others or [""])[-1]


def _python_calls(text: str, known: Parameters) -> Iterator[ToolRequest]:
    """`name(key="value")`, one or several, in a list or not, printed or not."""
    for match in re.finditer(r"([A-Za-z_]\w*)[ \t]*\(", text):
        end = end_of_brackets(text, match.end() - 1)
        if end is None or (known and match[1] not in known and match[1] in ("print", "dict")):
            continue
        try:
            call = ast.parse(text[match.start() : end].strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            continue
        if isinstance(call, ast.Call) and (arguments := _of_call(call, known)) is not None:
            yield _request(match[1], json.dumps(arguments, ensure_ascii=False, default=str))


def _of_call(call: ast.Call, known: Parameters) -> dict[str, object] | None:
    names = known.get(call.func.id, ()) if isinstance(call.func, ast.Name) else ()
    try:
        found = {
            name: ast.literal_eval(value) for name, value in zip(names, call.args, strict=False)
        }
        found |= {key.arg: ast.literal_eval(key.value) for key in call.keywords if key.arg}
    except (ValueError, TypeError, MemoryError, RecursionError):
        return None
    return found


def _request(name: str, arguments: str) -> ToolRequest:
    bare = name.rpartition("functions.")[2] or name
    return ToolRequest(f"call_{uuid.uuid4().hex[:24]}", bare, arguments)
