"""What a conversation has learned of its model, so that it is told once and heeded after."""


class ModelRecord:
    """One conversation's."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self.begins_with_thought = False
        """The model reasons first and leaves out the mark of its beginning."""

    def is_news(self, code: str) -> bool:
        """Whether an error of this code happens for the first time; counts as told."""
        is_news = code not in self._told
        self._told.add(code)
        return is_news

    def answered(self, code: str) -> None:
        """The model has answered: an error of this code would be news again."""
        self._told.discard(code)

    def thought(self, *, unmarked: bool, answered: bool) -> None:
        """How an answer began that is now complete."""
        if unmarked:
            self.begins_with_thought = True
        elif answered:
            self.begins_with_thought = False
