"""What the agent says of itself in a call: greeting, prompts, closing, in its language."""

import logging
from collections.abc import Sequence

from dialogue.conversation import Conversation
from dialogue.text.languages import Language, check_languages, get_or_english
from parley.app.agent import Agent
from parley.models import languages_of
from parley.settings import OrchestratorSettings

_log = logging.getLogger(__name__)


class OwnWords:
    """Of one call: greeting of the app that answers it, all else of the agent that speaks now;
    where they have none, of that agent's language."""

    def __init__(
        self, app: Agent, settings: OrchestratorSettings, conversation: Conversation
    ) -> None:
        self._app = app
        self._settings = settings
        self._conversation = conversation
        asr = settings.asr
        hears = asr.language if asr.enabled else ""
        voice = languages_of(app.voice or settings.tts.default_model)
        for problem in check_languages(hears, app.language, voice):
            _log.warning("%s", problem)

    @property
    def language(self) -> Language:
        """Of the agent that speaks now."""
        agent = self._conversation.agent
        return get_or_english(agent.language or self._settings.asr.language or "en")

    @property
    def greeting(self) -> str:
        """Empty: the person speaks first."""
        if self._app.greeting is not None:
            return self._app.greeting
        return self.language.greeting_for(self._settings.agent.greeting)

    @property
    def silence_prompts(self) -> Sequence[str]:
        silence = self._conversation.agent.silence
        return (silence.texts if silence is not None else ()) or self.language.phrases.still_there

    @property
    def closing(self) -> str:
        closing = self._conversation.agent.closing
        return self.language.phrases.closing if closing is None else closing
