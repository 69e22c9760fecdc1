"""Numbers with their nouns, as commands print them."""


def counted(number: float, noun: str) -> str:
    """The number and the noun, which takes an s unless it is one of it: "1 word", "0 words"."""
    return f"{number:,g} {noun}" if number == 1 else f"{number:,g} {noun}s"
