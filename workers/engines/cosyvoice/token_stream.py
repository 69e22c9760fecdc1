"""Speech tokens on their way from the language model's thread to the vocoder's."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager


class TokensUnwantedError(Exception):
    """Raised in the language model's thread once nobody wants more tokens."""


class TokenStream:
    """Tokens of one text: appended in one thread, awaited in another, closed from any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tokens: list[int] = []
        self._ended = False
        self._unwanted = False
        self._error: BaseException | None = None

    def append(self, token: int) -> None:
        """Raises TokensUnwantedError after `close`."""
        with self._changed:
            if self._unwanted:
                raise TokensUnwantedError
            self._tokens.append(token)
            self._changed.notify_all()

    def close(self) -> None:
        """No more tokens are wanted: whoever appends is told so, whoever waits goes on."""
        with self._changed:
            self._unwanted = True
            self._changed.notify_all()

    def wait(self, count: int) -> tuple[list[int], bool]:
        """The tokens so far, once there are `count` or the last has come, and whether it has.

        Raises what the thread that appends died of.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or len(self._tokens) >= count)
            if self._error is not None:
                raise self._error
            return list(self._tokens), self._ended

    @contextmanager
    def filled_by(self, produce: Callable[[], Generator[int]]) -> Iterator[None]:
        """While inside, a thread appends what `produce` gives; it ends at its next token after."""
        threading.Thread(target=self._fill, args=(produce,), name="cosyvoice-llm").start()
        try:
            yield
        finally:
            self.close()

    @property
    def _is_over(self) -> bool:
        return self._ended or self._unwanted or self._error is not None

    def _fill(self, produce: Callable[[], Generator[int]]) -> None:
        error: BaseException | None = None
        try:
            with closing(produce()) as produced:
                for token in produced:
                    self.append(token)
        except TokensUnwantedError:
            pass
        except BaseException as failure:  # the thread that waits raises it
            error = failure
        with self._changed:
            self._error = error
            self._ended = True
            self._changed.notify_all()
