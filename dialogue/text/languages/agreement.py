"""Whether recognition, the agent and the voices are of one language."""

from collections.abc import Sequence

from dialogue.text.languages.registry import languages
from parley.models.languages import base_code


def check_languages(
    asr_language: str, agent_language: str | None, voice_languages: Sequence[str]
) -> list[str]:
    """What does not go together, as sentences for doctor and the log of a call; empty: all does.

    `asr_language`: the setting asr.language; empty where nothing listens. `agent_language`: None
    where the agent states none and speaks what recognition listens for. `voice_languages`: of
    the voice that the agent speaks in; empty where that is not known.
    """
    hears = base_code(asr_language)
    speaks = base_code(agent_language or asr_language)
    if not speaks:
        return []
    told = []
    if hears and hears != speaks:
        told.append(
            f"The agent speaks {_name(speaks)}, but recognition listens for {_name(hears)}: "
            f"set asr.language to {speaks!r}, or the agent's language to {hears!r}."
        )
    voices = list(dict.fromkeys(base_code(each) for each in voice_languages if base_code(each)))
    if voices and speaks not in voices:
        told.append(
            f"The agent speaks {_name(speaks)}, but its voice speaks "
            f"{' and '.join(map(_name, voices))}: choose another voice."
        )
    if speaks not in languages():
        told.append(
            f"The agent's language is {speaks!r}, for which there are no phrases and no rules of "
            "spoken text: what it says of itself is English. docs/languages.md says how to add it."
        )
    return told


def _name(code: str) -> str:
    language = languages().get(code)
    return language.name if language else repr(code)
