"""`./run eval FILE.yaml`: holds scripted conversations with an agent and judges its answers."""

import asyncio
import contextlib
import json
import logging
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from cli.evaluation.file import EvalFile, app_of, read_eval
from cli.evaluation.judge import Judge, judging_model
from cli.evaluation.report import ConversationReport, EvalReport, show
from ops.supervisor.media_network import refuse_without_media
from ops.supervisor.record import RecordFile
from parley import paths
from parley.app.agent import Agent
from parley.app.configured import load_configured
from parley.app.loading import AppReference, load_app
from parley.arguments import CommandParser
from parley.errors import ConfigurationError
from parley.program import EXIT_FAILED
from parley.settings import OrchestratorSettings, load_orchestrator

Hold = Callable[..., Coroutine[Any, Any, ConversationReport]]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One run; `app` is a file, a module, a name of agent.apps, or empty for that of the
    settings."""

    file: Path
    content: EvalFile
    app: str
    settings: OrchestratorSettings
    gateway_url: str
    note: Callable[[str], None]

    async def run(self, mode: Literal["text", "voice"]) -> EvalReport:
        """Raises ConfigurationError for an app that cannot be, before anything is said."""
        report = EvalReport(file=str(self.file), app=self.app or self.settings.agent.app, mode=mode)
        model = judging_model(self.settings)
        try:
            opened = self._by_voice if mode == "voice" else self._by_text
            async with opened(Judge(model)) as hold:
                for number, conversation in enumerate(self.content.conversations, start=1):
                    name = conversation.name or f"conversation {number}"
                    self.note(name)
                    held = await hold(conversation, name=name)
                    report = report.model_copy(
                        update={"conversations": (*report.conversations, held)}
                    )
        finally:
            if model is not None:
                await model.client.close()
        return report

    @asynccontextmanager
    async def _by_text(self, judge: Judge) -> AsyncGenerator[Hold]:
        from cli.evaluation.by_text import ByText  # noqa: PLC0415 - the model's client
        from dialogue.model import build_client  # noqa: PLC0415

        for words in self.content.spoken:
            if not words.say.strip():
                raise ConfigurationError(
                    f"{self.file}: {words.file} is a recording, which needs --voice (or `say` "
                    "beside it)"
                )
        app = self._loaded()
        client = build_client(self.settings)
        try:
            yield ByText(app=app, settings=self.settings, client=client, judge=judge).hold
        finally:
            await client.close()

    @asynccontextmanager
    async def _by_voice(self, judge: Judge) -> AsyncGenerator[Hold]:
        from cli.evaluation.by_voice import ByVoice  # noqa: PLC0415 - the room's client
        from cli.evaluation.voices import CallerVoice  # noqa: PLC0415
        from parley.speech.configured import speech_pool  # noqa: PLC0415

        refuse_without_media()
        name = self._running_name()
        speaks = self.content.caller_voice or self.settings.tts.default_model
        with tempfile.TemporaryDirectory(prefix="parley-eval-") as folder:
            async with speech_pool(self.settings) as pool:
                yield ByVoice(
                    gateway_url=self.gateway_url,
                    app=name,
                    voice=CallerVoice(
                        pool, speaks, folder=Path(folder), recordings=self.file.parent
                    ),
                    judge=judge,
                    show=self.note,
                ).hold

    def _loaded(self) -> Agent:
        if not self.app or self.app in self.settings.agent.apps:
            return load_configured(self.settings, self.app)
        return load_app(self.app)

    def _running_name(self) -> str:
        """What a call asks for to get the app: a name of agent.apps, empty for the default."""
        record = RecordFile(paths.state_dir()).running()
        known = record if record is not None else self.settings.agent
        if not self.app or self.app in known.apps:
            return self.app
        running = {"": known.app, **known.apps}
        folder = paths.config_dir()
        for name, app in running.items():
            if str(AppReference.parse(app, folder=folder)) == self.app:
                return name
        raise ConfigurationError(
            f"the Parley that runs has no app {self.app}: start it with ./run up --app {self.app}"
        )


def main(arguments: list[str]) -> int:
    """0 when every check passed or was skipped, 1 when one failed, 2 for a bad file or app."""
    options = make_parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    settings, shown = load_orchestrator(), sys.stdout
    content = read_eval(options.file)
    errors = Console(stderr=True)
    evaluation = Evaluation(
        file=options.file,
        content=content,
        app=app_of(content, options.file, options.app),
        settings=settings,
        gateway_url=options.gateway or _own_gateway(settings),
        note=lambda line: errors.print(line, style="dim", markup=False, highlight=False),
    )
    with contextlib.redirect_stdout(sys.stderr):  # what the app prints
        report = asyncio.run(evaluation.run("voice" if options.voice else "text"))
    if options.json:
        shown.write(json.dumps(report.document(), indent=2, ensure_ascii=False) + "\n")
    else:
        show(Console(file=shown), report)
    return 0 if report.ok else EXIT_FAILED


def _own_gateway(settings: OrchestratorSettings) -> str:
    from caller.access import own_gateway  # noqa: PLC0415 - by voice alone

    return own_gateway(settings)


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run eval",
        description="Holds the conversations of a YAML file (docs/eval.md) with an agent and "
        "judges its answers: by text in this process, or by voice with a synthetic caller, in the "
        "Parley that ./run up has started.",
    )
    parser.add_argument("file", metavar="FILE.yaml", type=Path)
    parser.add_argument("--app", default="", help="in place of the one that the file names")
    parser.add_argument("--voice", action="store_true", help="speak and listen; needs ./run up")
    parser.add_argument("--gateway", metavar="URL", default="", help="of another Parley, by voice")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return parser
