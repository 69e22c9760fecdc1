"""Which models a speech worker, or the server of the local language model, loads when it starts."""

from parley.settings.engines import MANIFEST_VOICES, OWN_ENGINES
from parley.settings.orchestrator import LARGE_LLM, SMALL_LLM
from parley.settings.worker import TURN_SOUND_MODEL, AsrWorkerSection, TtsWorkerSection


def synthesis_models(tts: TtsWorkerSection) -> list[str]:
    """None where the voices are recordings of a folder (CosyVoice) or of an installed engine."""
    return [tts.default_model] if tts.adapter in MANIFEST_VOICES else []


def recognition_models(asr: AsrWorkerSection, *, turn_sound: bool = True) -> list[str]:
    """None where an installed engine brings its own. `turn_sound`: whether clients ask for it."""
    if asr.engine not in OWN_ENGINES["asr"]:
        return []
    return [asr.engine_model, *([TURN_SOUND_MODEL] if asr.turn_sound and turn_sound else [])]


def language_models(local_model: str) -> list[str]:
    """`local_model` as `llm.local_model` has it: with `auto` either, by the room that the server
    finds where it runs, and who brings them does not know it."""
    return [SMALL_LLM, LARGE_LLM] if local_model == "auto" else [local_model]
