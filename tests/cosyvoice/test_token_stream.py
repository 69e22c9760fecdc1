"""Tokens between the language model's thread and the vocoder's: nobody waits for ever."""

import threading
from collections.abc import Generator

import pytest

from workers.engines.cosyvoice.token_stream import TokenStream


def test_waiting_gives_the_tokens_once_there_are_enough() -> None:
    go_on = threading.Event()

    def produce() -> Generator[int]:
        yield from (1, 2, 3)
        go_on.wait(10)
        yield 4

    tokens = TokenStream()
    with tokens.filled_by(produce):
        so_far, ended = tokens.wait(3)
        assert (so_far, ended) == ([1, 2, 3], False)
        go_on.set()
        assert tokens.wait(100) == ([1, 2, 3, 4], True)


def test_what_the_producer_dies_of_is_raised_where_tokens_are_awaited() -> None:
    def produce() -> Generator[int]:
        yield 1
        raise RuntimeError("probability tensor contains nan")

    tokens = TokenStream()
    with tokens.filled_by(produce), pytest.raises(RuntimeError, match="contains nan"):
        tokens.wait(2)


def test_closing_ends_the_producer_and_whoever_waits() -> None:
    ended = threading.Event()

    def produce() -> Generator[int]:
        try:
            token = 0
            while True:
                yield (token := token + 1)
        finally:
            ended.set()

    tokens = TokenStream()
    with tokens.filled_by(produce):
        tokens.wait(1)
        waiting = threading.Thread(target=tokens.wait, args=(10**9,))
        waiting.start()
        tokens.close()
        waiting.join(10)
        assert not waiting.is_alive()
    assert ended.wait(10)


def test_leaving_ends_the_producer() -> None:
    ended = threading.Event()

    def produce() -> Generator[int]:
        try:
            while True:
                yield 0
        finally:
            ended.set()

    with TokenStream().filled_by(produce):
        pass
    assert ended.wait(10)
