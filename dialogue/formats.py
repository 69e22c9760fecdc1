"""How language models write what is not the answer: reasoning, template tokens, roles, tool calls.

From the chat templates of the models' publishers (Hugging Face `tokenizer_config.json`), OpenAI's
harmony format, and the parsers of vLLM and llama.cpp (`common/chat.cpp`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from dialogue.partial_pattern import Chars, Exact, PartialPattern


class Kind(Enum):
    """What is made of a format."""

    THOUGHT = auto()
    """Silent up to its end."""
    THOUGHT_END = auto()
    """All before it was reasoning, of which the beginning was not marked."""
    SUSPECT = auto()
    """How reasoning begins whose mark was left out: held back until its end, or the answer's."""
    CALL = auto()
    """A tool call up to its end."""
    JSON = auto()
    """Perhaps a tool call: an object or a list up to its bracket."""
    FENCE = auto()
    """Perhaps a tool call, in a block of code."""
    PYTHON = auto()
    """Perhaps a tool call: `name(…)` or `name {…}` of a known tool on lines of its own."""
    END = auto()
    """The answer ends here."""
    MESSAGE_END = auto()
    """A message ends; only another channel's may follow."""
    OWN = auto()
    """The agent's own role or name."""
    OTHER = auto()
    """Somebody else's."""
    HEADER = auto()
    """Of a harmony message, up to its text."""
    TOKEN = auto()
    """Left out by itself."""


Where = Literal["anywhere", "line", "start"]


@dataclass(frozen=True)
class Format:
    """What begins with `opens`; `closes` matches its end, where it has one."""

    kind: Kind
    opens: PartialPattern
    closes: re.Pattern[str] | None = None
    where: Where = "anywhere"
    """`line`: only as the first of a line; `start`: only as the first of the answer."""
    is_sure: bool = True
    """False: where the end is missing it was ordinary text after all."""


def _format(
    kind: Kind,
    *parts: str | tuple[str, ...] | Chars | Exact,
    closes: str = "",
    where: Where = "anywhere",
    is_sure: bool = True,
) -> Format:
    pattern = re.compile(closes, re.IGNORECASE) if closes else None
    return Format(kind, PartialPattern(*parts), pattern, where, is_sure)


_SURE_THOUGHTS = ("think", "thinking", "seed:think", "longcat_think", "antml:thinking", "mm:think")
_THOUGHTS = ("thought", "thoughts", "reasoning", "reflection", "scratchpad", "inner_monologue")
_BRACKETED = ("THINK", "THINKING", "REASONING")
_TOKEN_THOUGHTS = ("thinking", "begin_of_thought", "start_thinking", "begin_of_thinking")
_NAMES = "|".join((*_SURE_THOUGHTS, *_THOUGHTS))
_THOUGHT_ENDS = (
    rf"</(?:{_NAMES})\s*>|\[/(?:THINK|THINKING|REASONING)\]|◁/think▷"
    r"|<\|(?:end_of_thought|end_thinking|/thinking|end_of_thinking)\|>"
)
_RESULTS = ("tool_response", "tool_result", "tool_results", "function_results", "function_response")
_CALLS = (
    *("tool_call", "tool_calls", "toolcall", "tool_use", "function_call", "function_calls"),
    *("antml:function_calls", "minimax:tool_call", "tool_code"),
)
_BRACKETED_CALLS = ("TOOL_CALLS", "TOOL_CALL", "TOOL_REQUEST")
_OWN_ROLES = ("assistant", "model", "chatbot", "bot")
_OTHER_ROLES = ("user", "system", "developer", "human", "tool", "observation", "ipython")
_OWN_NAMES = ("Assistant", "AI Assistant", "AI", "Chatbot", "Bot", "Assistent", "KI")
_OTHER_NAMES = ("User", "Human", "Customer", "Caller", "Nutzer", "Benutzer", "Mensch")
_ENDS = (
    *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>", "<|end_of_text|>", "<|endoftext|>"),
    *(
        "<|end_of_turn|>",
        "<|endofturn|>",
        "<|return|>",
        "<|eos|>",
        "<|stop|>",
        "<|end_of_sentence|>",
    ),
    *("<｜end▁of▁sentence｜>", "<|END_OF_TURN_TOKEN|>", "<|END_RESPONSE|>", "<|USER_TOKEN|>"),
    *("<end_of_turn>", "<turn|>", "<eos>", "<eot>", "</s>", "[/INST]", "[INST]", "[EOS]", "[/SYS]"),
)
_MESSAGE_BODY_ENDS = r"<\|(?:end|return|call)\|>|(?=<\|(?:channel|start)\|>)"
_BLANKS = Chars(r"[ \t]*")
_SPACE = Chars(r"\s*")
_MARKUP = Chars(r"[ \t*#_]*")
_QUOTE = Chars("[\"']")
_KEYS = (
    *("name", "function", "tool", "tool_name", "tool_call", "tool_calls", "type", "id"),
    *("arguments", "parameters", "action"),
)
_CODE = ("json", "tool_call", "tool_code", "python", "xml", "")
_BEFORE_NAMES = ("", "[", "`", "functions.", "default_api.", "tools.", "print(")
_DOUBTS = ("okay", "ok", "alright", "hmm")
_DOERS = ("the user ", "the human ", "the person asks", "user asks", "user wants", "user says")
_DOINGS = (
    *("is ", "has ", "wants", "asks", "asked", "said", "says", "seems", "just ", "might ", "may "),
    *("would ", "probably", "didn", "greeted", "greets", "gave", "needs ", "mentioned", "'s "),
)

HEADER = _format(Kind.HEADER, "<|", ("channel", "start"), "|>", closes=r"<\|message\|>")
THOUGHT_BEGUN = _format(Kind.SUSPECT, "", closes=_THOUGHT_ENDS, is_sure=False)
"""The whole beginning of an answer, of a model that is known to leave out the mark."""
ELSEWHERE = _format(Kind.MESSAGE_END, "<|end|>", closes=r"(?=<\|(?:channel|start)\|>)")
ANALYSIS = _format(Kind.THOUGHT, "<|message|>", closes=_MESSAGE_BODY_ENDS)
HARMONY_CALL = _format(Kind.CALL, "<|message|>", closes=_MESSAGE_BODY_ENDS)
OTHER_SPEAKS = _format(
    Kind.OTHER,
    "",
    closes=r"(?:<\|(?:im_start|start_header_id|header_start|start_of_role)\|>|<start_of_turn>"
    r"|<[|｜])(?:assistant|model)(?:<\|(?:end_header_id|header_end|end_of_role|im_sep)\|>|[|｜]>)?"
    rf"|(?:^|\n)[ \t*#_]*(?:{'|'.join(_OWN_NAMES)})[*_]*:[*_]*|\[/INST\]",
)
"""What somebody else says, up to the agent's own turn."""

FORMATS: Sequence[Format] = (
    _format(Kind.THOUGHT, "<", _SURE_THOUGHTS, _SPACE, ">", closes=_THOUGHT_ENDS),
    _format(Kind.THOUGHT, "<", _THOUGHTS, _SPACE, ">", closes=_THOUGHT_ENDS, is_sure=False),
    _format(Kind.THOUGHT, "[", _BRACKETED, "]", closes=_THOUGHT_ENDS, is_sure=False),
    _format(Kind.THOUGHT, "◁think▷", closes=_THOUGHT_ENDS),
    _format(Kind.THOUGHT, "<|", _TOKEN_THOUGHTS, "|>", closes=_THOUGHT_ENDS),
    _format(Kind.THOUGHT, "<|channel>", closes=r"<channel\|>"),  # Gemma 4
    _format(Kind.THOUGHT, '<details type="reasoning"', closes="</details>"),
    _format(Kind.THOUGHT, "<", _RESULTS, _SPACE, ">", closes=rf"</(?:{'|'.join(_RESULTS)})\s*>"),
    # Harmony of which the server has taken the tokens away.
    _format(
        Kind.THOUGHT,
        Exact(("analysis",)),
        Chars("(?-i:[A-Z])"),
        closes="(?-i:assistantfinal|assistantcommentary)",
        where="start",
        is_sure=False,
    ),
    _format(
        Kind.TOKEN, Exact(("final", "assistantfinal")), Chars("(?-i:(?=[A-Z]))"), where="start"
    ),
    _format(Kind.THOUGHT_END, "</", (*_SURE_THOUGHTS, *_THOUGHTS), _SPACE, ">"),
    _format(Kind.THOUGHT_END, "[/", _BRACKETED, "]"),
    _format(Kind.THOUGHT_END, "◁/think▷"),
    _format(Kind.THOUGHT_END, "<|", ("end_of_thought", "end_thinking", "/thinking"), "|>"),
    _format(
        Kind.SUSPECT,
        _SPACE,
        _DOUBTS,
        Chars("[,.… ]*"),
        ("so ", "now ", ""),
        _DOERS,
        _DOINGS,
        closes=_THOUGHT_ENDS,
        where="start",
        is_sure=False,
    ),
    _format(
        Kind.SUSPECT,
        _SPACE,
        _DOERS,
        _DOINGS,
        closes=_THOUGHT_ENDS,
        where="start",
        is_sure=False,
    ),
    _format(
        Kind.SUSPECT,
        _SPACE,
        ("we need to respond", "we need to answer"),
        closes=_THOUGHT_ENDS,
        where="start",
        is_sure=False,
    ),
    _format(Kind.CALL, "<", _CALLS, _SPACE, ">", closes=rf"</(?:{'|'.join(_CALLS)})\s*>"),
    _format(Kind.CALL, "<function", Chars(r"(?:=|\s+name=)"), closes=r"</function(?:_call)?\s*>"),
    _format(Kind.CALL, "<invoke name=", closes=r"</invoke\s*>"),
    _format(Kind.CALL, "<|tool_call|>", closes=r"<\|/tool_call\|>|<\|(?:im_end|end)\|>"),
    _format(Kind.CALL, "<|tool_call>", closes=r"<tool_call\|>"),  # Gemma 4
    _format(Kind.CALL, "<|START_ACTION|>", closes=r"<\|END_ACTION\|>"),
    _format(Kind.CALL, "<|tool_calls_section_begin|>", closes=r"<\|tool_calls_section_end\|>"),
    _format(Kind.CALL, "<|tool_call_begin|>", closes=r"<\|tool_call_end\|>"),
    _format(Kind.CALL, "<｜tool▁calls▁begin｜>", closes="<｜tool▁calls▁end｜>"),
    _format(Kind.CALL, "<|python_tag|>", closes=r"<\|e(?:om|ot)_id\|>"),
    _format(
        Kind.CALL,
        "[",
        _BRACKETED_CALLS,
        "]",
        closes=r"\[/TOOL_(?:CALLS?|REQUEST)\]|</s>|"
        r"\[END_TOOL_REQUEST\]",
    ),
    _format(Kind.CALL, "✿FUNCTION✿", closes="✿RE(?:SULT|TURN)✿"),
    _format(
        Kind.JSON,
        _SPACE,
        ("{", "[{", "functools[{"),
        _SPACE,
        _QUOTE,
        _KEYS,
        _QUOTE,
        _SPACE,
        ":",
        where="line",
    ),
    _format(
        Kind.FENCE,
        "```",
        _CODE,
        _SPACE,
        ("{", "[{", "[ {"),
        _SPACE,
        _QUOTE,
        _KEYS,
        _QUOTE,
        closes="```",
        where="line",
    ),
    HEADER,
    ELSEWHERE,
    *(_format(Kind.END, token) for token in _ENDS),
    *(
        _format(kind, before, roles, after)
        for kind, roles in ((Kind.OWN, _OWN_ROLES), (Kind.OTHER, _OTHER_ROLES))
        for before, after in (
            *(("<|im_start|>", ""), ("<|start_header_id|>", "<|end_header_id|>")),
            *(("<|header_start|>", "<|header_end|>"), ("<|start_of_role|>", "<|end_of_role|>")),
            *(("<start_of_turn>", ""), ("<|turn>", ""), ("<|", "|>"), ("<｜", "｜>")),
        )
    ),
    _format(Kind.OWN, _MARKUP, _OWN_NAMES, Chars("[*_]*"), ":", Chars("[*_]*"), where="line"),
    _format(Kind.OTHER, _MARKUP, _OTHER_NAMES, Chars("[*_]*"), ":", Chars("[*_]*"), where="line"),
    _format(Kind.OTHER, "### ", ("Instruction", "Input"), Chars(r"[*_]*"), ":", where="line"),
    _format(Kind.OWN, "### ", ("Response", "Answer", "Output"), Chars("[*_]*"), ":", where="line"),
    _format(Kind.TOKEN, ("<s>", "<bos>", "<answer>", "<response>", "<output>"), where="start"),
    _format(Kind.TOKEN, ("<unk>", "<pad>", "<|END_ACTION|>")),
    # Whatever other token of a template.
    _format(Kind.TOKEN, "<", Chars("[|｜]"), Chars(r"[\w▁/.:-]{1,40}"), Chars("[|｜]"), ">"),
)

FIRSTS = frozenset("<[◁✿`")
"""What a format that stands anywhere begins with."""


def formats_of(tools: Sequence[str]) -> Sequence[Format]:
    """The table, with calls of these tools as they are written in code."""
    if not tools:
        return FORMATS
    names = Exact(tuple(sorted(tools, key=len, reverse=True)))
    call = (_BEFORE_NAMES, names, Chars(r"[ \t]*"), "(")
    return (
        *FORMATS,
        _format(Kind.PYTHON, _BLANKS, *call, where="line"),
        _format(Kind.PYTHON, _BLANKS, ("", "`"), names, Chars(r"[ \t:]*"), "{", where="line"),
        _format(Kind.FENCE, "```", _CODE, _SPACE, *call, closes="```", where="line"),
        _format(Kind.FENCE, "```", _CODE, _SPACE, names, _SPACE, "{", closes="```", where="line"),
    )
