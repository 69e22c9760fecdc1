"""What a synthetic caller speaks: recordings as they are, texts by a voice of the workers."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from cli.evaluation.file import Spoken
from parley.audio import Audio, read_audio
from parley.errors import SpeechError
from parley.speech import AudioChunk, SpeechPool, SynthesisRequest, SynthesisStarted


class CallerVoice:
    """Makes sound files in `folder`, one for each text; `recordings` is where `file` is found."""

    def __init__(self, pool: SpeechPool, voice: str, *, folder: Path, recordings: Path) -> None:
        self._pool = pool
        self._voice = voice
        self._folder = folder
        self._recordings = recordings
        self._made: dict[str, Path] = {}

    async def clip(self, words: Spoken) -> Path:
        """The sound file; raises SpeechError or AudioFileError where there can be none."""
        if words.file:
            file = (self._recordings / words.file).absolute()
            read_audio(file)
            return file
        if words.say not in self._made:
            audio = await self._speak(words.say)
            file = self._folder / f"{len(self._made)}.wav"
            file.write_bytes(audio.wav())
            self._made[words.say] = file
        return self._made[words.say]

    async def _speak(self, text: str) -> Audio:
        async def texts() -> AsyncIterator[str]:
            yield text

        rate_hz, chunks = 0, []
        async for event in self._pool.synthesize(SynthesisRequest(voice=self._voice), texts()):
            if isinstance(event, SynthesisStarted):
                rate_hz = event.sample_rate_hz
            elif isinstance(event, AudioChunk) and len(event.samples):
                chunks.append(event.samples)
        if not chunks:
            raise SpeechError(f"the voice {self._voice!r} makes no sound of {text!r}")
        return Audio(np.concatenate(chunks), rate_hz)
