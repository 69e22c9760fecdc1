"""What must be on the machine before the parts can start: programs, models, the page."""

from collections.abc import Collection
from pathlib import Path

from ops.supervisor.configuration import Configuration
from ops.supervisor.parts import local_names
from ops.toolchain import ensure_livekit_server, ensure_page
from ops.toolchain.engine_environment import environment_of
from parley import models
from parley.progress import StepProgress, silent
from parley.settings.engines import OWN_ENGINES
from parley.settings.orchestrator import LOCAL_LLM
from parley.settings.worker import TURN_SOUND_MODEL


def prepare(
    configuration: Configuration, names: Collection[str], progress: StepProgress = silent
) -> Path | None:
    """Gets what the parts `names` need, each at most once per machine; blocks.

    Returns the LiveKit server's executable, None where it is not among the parts. Raises
    ToolchainError or ModelError.
    """
    names = set(names) & set(local_names(configuration))
    server = ensure_livekit_server(progress) if "livekit" in names else None
    environment = environment_of(configuration.worker.tts.adapter)
    if "tts" in names and environment is not None:
        environment.ensure(progress=progress)
    for model in needed_models(configuration, names):
        models.ensure(model, progress=progress)
    if "gateway" in names:
        ensure_page(progress)
    return server


def needed_models(configuration: Configuration, names: Collection[str]) -> list[str]:
    """The models that the parts `names` load when they start."""
    by_part = {
        "tts": configuration.worker.tts.default_model,
        "asr": configuration.asr_worker.engine_model,
        "llm": LOCAL_LLM,
    }
    # CosyVoice's voices are recordings of a folder; the models of an installed engine are its own.
    if configuration.worker.tts.adapter not in ("piper", "hibari"):
        del by_part["tts"]
    if configuration.asr_worker.engine not in OWN_ENGINES["asr"]:
        del by_part["asr"]
    wanted = [model for part, model in by_part.items() if part in names]
    asks_for_sound = configuration.orchestrator.turn.end_of_turn == "judged"
    tells_sound = "asr" in by_part and configuration.asr_worker.turn_sound
    if "asr" in names and asks_for_sound and tells_sound:
        wanted.append(TURN_SOUND_MODEL)
    return wanted
