"""What is said while the person waits: for a model without a word, or for a tool that runs.

The wait counts from where it became still: the end of what the person said, or the estimated end
of what the agent has said since. A tool is bridged early enough that a voice front has the filler
in the person's ear 1.2 s after they stopped.
"""

from dataclasses import dataclass, field

from dialogue.text.languages.language import Phrases
from parley.clock import Clock

TOOL_AFTER_S = 0.8
TOOL_AGAIN_AFTER_S = (6.0, 10.0, 15.0)
"""After the first, the second, and every further one."""
MODEL_OWN_WAIT_S = 1.0
TOOL_OWN_WAIT_S = 0.3
"""What a model or a tool takes at least before it is bridged, however long the person has waited
for other reasons: a quick one needs no filler."""


@dataclass
class Waiting:
    """Of one answer. `due_s` says when the next filler is due, `filler` takes it."""

    phrases: Phrases
    clock: Clock
    waiting_since_s: float
    """On `clock`: the end of what the person said."""
    chars_per_s: float
    """Of the language's speech."""
    _said_until_s: float = field(default=0.0, init=False)
    _for: str = field(default="nothing", init=False)
    _earliest_s: float = field(default=0.0, init=False)
    _model_steps: int = field(default=0, init=False)
    _tool_fillers: list[str] = field(default_factory=list, init=False)
    _tool_steps: int = field(default=0, init=False)
    _reassured: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._said_until_s = self.waiting_since_s

    def model_begins(self) -> None:
        """The model was asked, and has no word yet."""
        self._for = "model"
        self._earliest_s = self.clock() + MODEL_OWN_WAIT_S

    def tools_begin(self, says: str | None) -> None:
        """Tools run; `says` is what the first of them wants to be said."""
        self._for = "tools"
        self._earliest_s = self.clock() + TOOL_OWN_WAIT_S
        self._tool_steps = 0
        rest = [text for text in self.phrases.slow_tool if text != says]
        self._tool_fillers = [says, *rest[1:]] if says else rest

    def ends(self) -> None:
        """Nothing is waited for: the answer comes, or is over."""
        self._for = "nothing"

    def said(self, text: str) -> None:
        """Text was given to be spoken."""
        begins_s = max(self._said_until_s, self.clock())
        self._said_until_s = begins_s + len(text) / self.chars_per_s

    @property
    def said_until_s(self) -> float:
        """The estimated end of what was given to be spoken, on the clock."""
        return self._said_until_s

    @property
    def due_s(self) -> float | None:
        """When the next filler is due, on the clock; None: nothing is to be said."""
        after_s: float | None = None
        if self._for == "model" and self._model_steps < len(self.phrases.slow_model):
            after_s = self.phrases.slow_model[self._model_steps][0]
        elif self._for == "tools" and self._tool_fillers:
            again = TOOL_AGAIN_AFTER_S[min(self._tool_steps, len(TOOL_AGAIN_AFTER_S)) - 1]
            after_s = again if self._tool_steps else TOOL_AFTER_S
        return None if after_s is None else max(self._said_until_s + after_s, self._earliest_s)

    def reassurance(self) -> str:
        """What is said to who asks whether anybody is there; empty where the answer comes. To be
        told by `said` once it is given."""
        if self._for == "nothing":
            return ""
        texts = self.phrases.still_here
        self._reassured += 1
        return texts[(self._reassured - 1) % len(texts)]

    def filler(self) -> str:
        """The filler that is due; counts as said."""
        if self._for == "model":
            text = self.phrases.slow_model[self._model_steps][1]
            self._model_steps += 1
        else:
            fillers = self._tool_fillers
            text = fillers[self._tool_steps] if self._tool_steps < len(fillers) else ""
            # The language's own words go round once the list is through.
            text = text or self.phrases.slow_tool[self._tool_steps % len(self.phrases.slow_tool)]
            self._tool_steps += 1
        self.said(text)
        return text
