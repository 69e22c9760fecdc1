"""Lets through what a model wrote for the person, and nothing else, as it comes.

Reasoning, tokens of a template, other speakers' lines and tool calls written as text are taken
out. What is let through does not depend on how the text is cut into pieces; of a text without any
of these every character is, and one is held back only while it may still begin one of them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dialogue.formats import (
    ANALYSIS,
    ELSEWHERE,
    FIRSTS,
    HARMONY_CALL,
    OTHER_SPEAKS,
    THOUGHT_BEGUN,
    Format,
    Kind,
    formats_of,
)
from dialogue.messages import ToolRequest
from dialogue.model import OfferedTool
from dialogue.written_calls import (
    broken_call,
    end_of_brackets,
    loaded,
    looks_like_call,
    written_calls,
)

MAX_CALL_CHARS = 20_000
"""Longer than this, what is perhaps a call is text."""
_PERHAPS_CALLS = (Kind.JSON, Kind.FENCE, Kind.PYTHON)
_CALL_ENDS = re.compile(r"[ \t]*[)\]`;]*[ \t]*(?:\n|\Z)")
_LONGEST_END = 40

Passed = str | ToolRequest
"""Text for the person, or a call that was written as text."""


@dataclass(frozen=True)
class _Block:
    format: Format
    opening: str
    """The marker that it began with."""
    searched: list[int] = field(default_factory=lambda: [0])
    """Up to where its end has been looked for."""


class AnswerFilter:
    """Of one answer of a model. Push its text as it comes, and finish once."""

    def __init__(
        self, tools: Sequence[OfferedTool] = (), *, begins_with_thought: bool = False
    ) -> None:
        """`begins_with_thought`: the model is known to reason first and to leave out the mark;
        all is then held back until the reasoning ends, or the answer."""
        self._known = {tool.name: _parameters(tool) for tool in tools}
        self._formats = formats_of(list(self._known))
        self._anywhere = [each for each in self._formats if each.where == "anywhere"]
        self._text = ""
        self._block = _Block(THOUGHT_BEGUN, "") if begins_with_thought else None
        self._out: list[Passed] = []
        self._said_anything = False
        self._marked = False
        """A marker was taken out, and no text has passed since."""
        self._begins_line = True
        self._struck_out = 0
        """Tags `<s>` that are open: markup."""
        self.ended = False
        """The answer is over, whatever else comes."""
        self.thought_unmarked = False
        """Reasoning ended that had no beginning."""
        self.thought = False
        """There was reasoning in the text."""

    def push(self, text: str) -> list[Passed]:
        """What this piece lets through."""
        if not self.ended:
            self._text += text
            self._advance(more=True)
        return self._taken()

    def finish(self) -> list[Passed]:
        """The rest, where the answer is complete."""
        if not self.ended:
            self._advance(more=False)
        self._text = ""
        return self._taken()

    def _taken(self) -> list[Passed]:
        out, self._out = self._out, []
        return out

    def _advance(self, *, more: bool) -> None:
        while self._text and not self.ended:
            moved = self._in_block(more=more) if self._block else self._in_text(more=more)
            if not moved:
                return

    # --- text

    def _in_text(self, *, more: bool) -> bool:
        """Passes text up to the next marker and takes that; False where more must come first."""
        text = self._text
        for place, begins_line in self._places(text):
            is_start = begins_line and not self._said_anything and not text[:place].strip()
            for candidate in self._formats if begins_line else self._anywhere:
                if candidate.where == "start" and not is_start:
                    continue
                match = candidate.opens.at(text, place, more=more)
                if match is None or (match != "perhaps" and not self._applies(candidate, match)):
                    continue
                self._pass(text[:place])
                if match == "perhaps":
                    self._text = text[place:]
                    return False
                self._text = text[match.end() :]
                self._begin(candidate, match)
                return True
        self._pass(text)
        self._text = ""
        return False

    def _places(self, text: str) -> Iterator[tuple[int, bool]]:
        """Where a marker may begin, and whether there is nothing but space before it in its
        line."""
        begins_line = self._begins_line
        for place, character in enumerate(text):
            if begins_line or character in FIRSTS:
                yield place, begins_line
            begins_line = character == "\n" or (begins_line and character in " \t")

    def _applies(self, found: Format, match: re.Match[str]) -> bool:
        if found.kind is not Kind.END or match[0].lower() != "</s>":
            return True
        before = match.string[: match.start()].lower()
        return self._struck_out + before.count("<s>") - before.count("</s>") <= 0

    def _pass(self, text: str) -> None:
        if not text:
            return
        self._begins_line = text.endswith("\n") or (self._begins_line and not text.strip(" \t"))
        self._struck_out += text.lower().count("<s>") - text.lower().count("</s>")
        if self._marked:
            text = text.lstrip() if not self._said_anything else text
            self._marked = not text.strip()
        if text:
            self._said_anything = self._said_anything or bool(text.strip())
            self._out.append(text)

    # --- markers

    def _begin(self, found: Format, match: re.Match[str]) -> None:
        match found.kind:
            case Kind.END:
                self.ended = True
            case Kind.THOUGHT_END:
                self.thought = self.thought_unmarked = True
                self._mark()
            case Kind.OWN if not self._said_anything:
                self._mark()
            case Kind.OTHER if not self._said_anything:
                self._block = _Block(OTHER_SPEAKS, match[0])
            case Kind.OWN | Kind.OTHER:
                self.ended = True
            case Kind.TOKEN:
                self._mark()
            case _:
                self._block = _Block(found, match[0])

    def _mark(self) -> None:
        self._marked = self._begins_line = True

    def _in_block(self, *, more: bool) -> bool:
        """Takes the block to its end; False where more must come first."""
        assert self._block is not None
        block = self._block
        if block.format.kind in (Kind.JSON, Kind.PYTHON):
            return self._in_brackets(block, more=more)
        assert block.format.closes is not None
        start = max(0, block.searched[0] - _LONGEST_END)
        match = block.format.closes.search(self._text, start)
        grows = more and block.format is OTHER_SPEAKS
        if match is not None and not (grows and match.end() == len(self._text)):
            content, self._text = self._text[: match.start()], self._text[match.end() :]
            self._block = None
            self._end(block, content, match[0])
            return True
        block.searched[0] = len(self._text)
        if more and not self._is_too_long(block):
            return False
        self._block = None
        self._end_missing(block)
        return True

    def _end(self, block: _Block, content: str, closing: str) -> None:
        match block.format.kind:
            case Kind.THOUGHT | Kind.SUSPECT:
                self.thought = True
                begins = (block.opening + content).lstrip()[:1]
                self.thought_unmarked |= block.format.kind is Kind.SUSPECT and begins not in FIRSTS
                self._mark()
            case Kind.CALL:
                self._call(block.opening + content)
            case Kind.FENCE:
                self._perhaps_call(block.opening + content + closing, _within_fence(block, content))
            case Kind.HEADER:
                self._channel(block.opening + content)
            case _:
                self._mark()

    def _end_missing(self, block: _Block) -> None:
        """The answer is over within the block: what is no call and no reasoning is text."""
        kind, whole = block.format.kind, block.opening + self._text
        if kind is Kind.FENCE and (calls := self._calls_in(_within_fence(block, self._text))):
            self._out += calls
        elif kind is Kind.CALL:
            self._call(whole)
        elif kind is Kind.FENCE or not block.format.is_sure:
            self._pass(block.opening)
            return
        self.thought |= kind is Kind.THOUGHT
        self._text = ""

    def _channel(self, header: str) -> None:
        """A harmony message: for the person, for nobody, or for a tool."""
        self._mark()
        if recipient := re.search(r"to=(?:functions\.)?([\w.-]+)", header):
            self._block = _Block(HARMONY_CALL, f"{recipient[1]} ")
        elif re.search(r"<\|channel\|>\s*(?:analysis|commentary)", header, re.IGNORECASE):
            self._block = _Block(ANALYSIS, "")
        elif re.match(r"<\|start\|>\s*(?:user|system|developer|functions)", header, re.IGNORECASE):
            self._block = _Block(ELSEWHERE, "")

    # --- calls

    def _is_too_long(self, block: _Block) -> bool:
        return block.format.kind in _PERHAPS_CALLS and len(self._text) > MAX_CALL_CHARS

    def _in_brackets(self, block: _Block, *, more: bool) -> bool:
        whole = block.opening + self._text
        start = min(p for p in (whole.find(bracket) for bracket in "{[(") if p >= 0)
        end = end_of_brackets(whole, start)
        if end is None and more and not self._is_too_long(block):
            return False
        if end is not None and block.format.kind is Kind.PYTHON:
            rest = _CALL_ENDS.match(whole, end)
            if more and not whole[end:].strip(" \t)]`;"):
                return False  # not known yet whether the line ends here
            end = rest.end() if rest is not None else None
        self._block = None
        if end is None:
            if not more and any(f'"{name}"' in whole for name in self._known):
                self._text = ""
                self._call(whole)  # cut off
            else:
                self._pass(block.opening)
            return True
        self._text = whole[end:]
        self._perhaps_call(whole[:end], whole[:end])
        return True

    def _perhaps_call(self, written: str, content: str) -> None:
        if calls := self._calls_in(content):
            self._out += calls
            self._mark()
        else:
            self._pass(written)

    def _calls_in(self, content: str) -> list[ToolRequest]:
        """Empty where the code or the object is meant as something else."""
        value = loaded(content.strip())
        if isinstance(value, dict | list):
            is_call = looks_like_call(value, self._known)
        else:
            is_call = any(name in content for name in self._known)
        return written_calls(content, self._known) if is_call else []

    def _call(self, written: str) -> None:
        self._out += written_calls(written, self._known) or [broken_call(written, self._known)]
        self._mark()


def _within_fence(block: _Block, content: str) -> str:
    """What stands between the fences, without the word for its language."""
    return re.sub(r"\A```\w*\s*", "", block.opening + content)


def _parameters(tool: OfferedTool) -> Sequence[str]:
    properties = tool.schema.get("properties")
    return list(properties) if isinstance(properties, dict) else ()
