"""What the agent says while it is disturbed: plain words, which recognition gets right.

None of them runs into the next: "calm and dark" is "common dark" now and then, a word too few.
"""

from dataclasses import dataclass

LONG = (
    "Every morning the old fisherman walked down to the beach before the sun came up. "
    "He carried a small lantern, a cup of hot coffee, and a basket of fresh bread. "
    "The water was still very dark, and the only sound was the song of a bird. "
    "Later that day he had caught enough fish for his family and for all the people next door."
)
SHORT = (
    "Every morning the old fisherman walked down to the beach before the sun came up. "
    "He carried a small lantern, and a basket of fresh bread. "
    "The water was still very dark."
)


@dataclass(frozen=True)
class ChaosScript:
    """A text, and after which of its words the system is hit."""

    text: str
    hits: tuple[int, ...]

    @classmethod
    def of(cls, text: str, *, sentences: tuple[int, ...]) -> "ChaosScript":
        """`sentences` counts from 1 those after whose end the system is hit, once each: a worker
        has just got the sentence to speak. 0: as soon as the reply sounds."""
        ends = [0, *(n for n, word in enumerate(text.split(), start=1) if word.endswith("."))]
        return cls(text, tuple(ends[sentence] for sentence in sentences))
