"""What the caller asks: recorded sentences of several people, and questions of a synthetic voice.

The bundled recordings are read sentences, of which few are questions: an agent answers them all
the same. The synthetic voice is not the agent's, and nothing of Parley was tuned on its questions.
"""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.synthetic_speech import synthesize
from caller.measure import speech_end
from caller.microphone import SAMPLE_RATE_HZ
from caller.recordings import sound_files
from parley import models
from parley.audio import Audio, read_audio
from parley.discovery import StaticDiscovery
from parley.errors import ConfigurationError
from parley.speech import SpeechPool
from testkit.worker_process import WorkerProcess

ASKER_ADAPTER, ASKER_VOICE = "hibari", "hibari-en-us-heart"
LONGEST_S = 9.0
"""Longer recordings are no question, and are left out."""

Kind = Literal["recorded", "synthetic"]

QUESTIONS = (
    "What is the capital of Italy?",
    "How many days are there in a leap year?",
    "Can you tell me what a lighthouse is for?",
    "Which planet is closest to the sun?",
    "Why do leaves turn red in autumn?",
    "Is it safe to swim right after lunch?",
    "Who wrote the play Romeo and Juliet?",
    "What should I cook for two friends tonight?",
    "How long does it take to boil an egg?",
    "Do penguins live at the north pole?",
    "What is the difference between a lake and a pond?",
    "Could you please suggest a name for my new kitten?",
    "Where does chocolate come from?",
    "How do I get a coffee stain out of a shirt?",
    "What is seven times eight?",
    "Tell me something about the moon.",
    "Which language do people speak in Brazil?",
    "Please recommend a book for a rainy afternoon.",
    "How far is it from London to Paris?",
    "What does a beekeeper do all day?",
    "I cannot sleep, what could help me?",
    "Why is the sky blue?",
    "When was the telephone invented?",
    "Would you rather have a cat or a dog?",
    "What is the fastest animal on land?",
    "How many strings does a violin have?",
    "I would like to learn to paint, how do I begin?",
    "What is a good way to say thank you?",
    "Is a tomato a fruit or a vegetable?",
    "What can I do with old newspapers?",
)


@dataclass(frozen=True)
class SpokenQuestion:
    """`audio` ends where its speech ends, at the microphone's rate."""

    name: str
    kind: Kind
    audio: Audio


def recorded(folder: Path, count: int) -> list[SpokenQuestion]:
    """So many of the recordings in a folder, in turn where there are fewer; raises
    ConfigurationError where there are none."""
    found = []
    for file in sound_files(folder):
        question = _question(file.stem, "recorded", read_audio(file))
        if question.audio.duration_s <= LONGEST_S:
            found.append(question)
    if not found:
        raise ConfigurationError(
            f"{folder} holds no WAV or FLAC of up to {LONGEST_S:.0f} s: name with --clips DIR a "
            "folder of recorded questions"
        )
    return [found[number % len(found)] for number in range(count)]


async def synthetic(count: int) -> list[SpokenQuestion]:
    """So many questions, spoken by a worker that is ended afterwards; raises ParleyError."""
    await asyncio.to_thread(models.ensure, ASKER_VOICE)
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        worker = WorkerProcess(
            "asker", Path(folder), tts={"adapter": ASKER_ADAPTER, "default_model": ASKER_VOICE}
        )
        await worker.start()
        try:
            async with SpeechPool(StaticDiscovery(worker.target)) as pool:
                return [
                    _question(text, "synthetic", await synthesize(pool, text, voice=ASKER_VOICE))
                    for text in (QUESTIONS[number % len(QUESTIONS)] for number in range(count))
                ]
        finally:
            await worker.stop()


def _question(name: str, kind: Kind, audio: Audio) -> SpokenQuestion:
    audio = audio.resampled(SAMPLE_RATE_HZ)
    said = audio.samples[: speech_end(audio.samples, SAMPLE_RATE_HZ)]
    return SpokenQuestion(name, kind, Audio(said, SAMPLE_RATE_HZ))
