"""Which models a speech worker loads when it starts."""

from parley.settings.engines import MANIFEST_VOICES, OWN_ENGINES
from parley.settings.worker import TURN_SOUND_MODEL, AsrWorkerSection, TtsWorkerSection


def synthesis_models(tts: TtsWorkerSection) -> list[str]:
    """None where the voices are recordings of a folder (CosyVoice) or of an installed engine."""
    return [tts.default_model] if tts.adapter in MANIFEST_VOICES else []


def recognition_models(asr: AsrWorkerSection, *, turn_sound: bool = True) -> list[str]:
    """None where an installed engine brings its own. `turn_sound`: whether clients ask for it."""
    if asr.engine not in OWN_ENGINES["asr"]:
        return []
    return [asr.engine_model, *([TURN_SOUND_MODEL] if asr.turn_sound and turn_sound else [])]
