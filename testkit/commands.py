"""Commands of `./run` as processes of their own, against a configuration of the test's."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parley import paths
from testkit.isolated_config import write_config


@dataclass(frozen=True)
class Ended:
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as a JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Runs commands with the model at `llm_url`, or the local one where it is empty."""

    folder: Path
    llm_url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    orchestrator: Mapping[str, Any] = field(default_factory=dict)

    async def __call__(self, *arguments: str, typed: str = "", within_s: float = 60) -> Ended:
        """Runs it to its end; `typed` is its standard input."""
        async with self.running(*arguments) as process:
            async with asyncio.timeout(within_s):
                out, err = await process.communicate(typed.encode())
            assert process.returncode is not None
            return Ended(process.returncode, out.decode(), err.decode())

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncGenerator[asyncio.subprocess.Process]:
        """The running command with pipes to it; it is killed where it is left running."""
        configs = self.folder / "configs"
        if not configs.exists():
            llm = {"base_url": self.llm_url, "api_key": "k", "model": "fake"}
            write_config(
                configs,
                orchestrator={**({"llm": llm} if self.llm_url else {}), **self.orchestrator},
            )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli.main", *arguments),
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(paths.repository()),
                "PARLEY_CONFIG_DIR": str(configs),
                "PARLEY_STATE_DIR": str(self.folder / "state"),
                **self.environment,
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
