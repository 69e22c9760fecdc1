"""Plays PCM through the machine's sound device, with whichever player program it has."""

import asyncio
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Self

from parley.audio import Samples


def find_player(sample_rate_hz: int) -> tuple[str, ...] | None:
    """The command that plays mono 16-bit PCM of that rate from its standard input; None if this
    machine has none."""
    rate = str(sample_rate_hz)
    commands = (
        ("paplay", "--raw", "--format=s16le", f"--rate={rate}", "--channels=1"),
        ("aplay", "-q", "-t", "raw", "-f", "S16_LE", "-r", rate, "-c", "1", "-"),
        ("ffplay", "-loglevel", "error", "-nodisp", "-autoexit", "-f", "s16le", "-ar", rate, "-"),
    )
    return next((command for command in commands if shutil.which(command[0])), None)


class Player:
    """One player program while it plays."""

    def __init__(self, command: tuple[str, ...], process: Process) -> None:
        self._command = command
        self._process = process

    @classmethod
    async def start(cls, command: tuple[str, ...]) -> Self:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=DEVNULL, stderr=PIPE
        )
        return cls(command, process)

    async def play(self, samples: Samples) -> None:
        """Queues samples, waiting while the player has enough; a player that has given up is left
        alone, `finish` says why it did."""
        assert self._process.stdin is not None
        if self._process.returncode is not None:
            return
        try:
            self._process.stdin.write(samples.astype("<i2").tobytes())
            await self._process.stdin.drain()
        except ConnectionError:
            return

    async def finish(self) -> str | None:
        """Waits until all was played; a sentence when the player could not."""
        _, complaint = await self._process.communicate(b"")  # ends its input
        if self._process.returncode == 0:
            return None
        lines = complaint.decode(errors="replace").strip().splitlines()
        return f"{self._command[0]} could not play ({lines[-1] if lines else 'it gave no reason'})"

    async def aclose(self) -> None:
        """Ends the player if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
