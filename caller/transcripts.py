"""The transcripts of both sides, as the agent publishes them on `lk.transcription`."""

import math
from dataclasses import dataclass

from livekit import rtc

from parley.clock import Clock, monotonic

TOPIC = "lk.transcription"
SEGMENT_ID = "lk.segment_id"
FINAL = "lk.transcription_final"


@dataclass
class TranscriptSegment:
    """One stretch of one side's words. A person's segment is sent anew, whole, with every change;
    the agent's is one stream that grows as it speaks."""

    speaker: str
    opened_at_s: float
    text: str = ""
    final: bool = False


class Transcripts:
    """Collects segments by speaker's identity, in the order they began."""

    def __init__(self, *, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._segments: dict[tuple[str, str], TranscriptSegment] = {}

    async def read(self, reader: rtc.TextStreamReader, speaker: str) -> None:
        """Follows one text stream to its end."""
        attributes = reader.info.attributes or {}
        key = (speaker, attributes.get(SEGMENT_ID) or reader.info.stream_id)
        segment = self._segments.setdefault(key, TranscriptSegment(speaker, self._clock()))
        text = ""
        try:
            async for chunk in reader:
                text += chunk
                if not segment.final:
                    segment.text = text
        except rtc.StreamError:
            return  # the room was left, or the agent gave the stream up: what came stands
        closing = reader.info.attributes or {}
        segment.final = segment.final or closing.get(FINAL) == "true"

    @property
    def speakers(self) -> list[str]:
        """Identities of all who have said something."""
        return list(dict.fromkeys(speaker for speaker, _ in self._segments))

    def said_by(self, speaker: str, *, since_s: float, until_s: float = math.inf) -> str:
        """What the speaker said in segments that began at `since_s` or later, before `until_s`."""
        spoken = self._spoken_by(speaker, since_s)
        texts = (s.text.strip() for s in spoken if s.opened_at_s < until_s)
        return " ".join(text for text in texts if text)

    def complete(self, speaker: str, *, since_s: float) -> bool:
        """Whether every segment of the speaker since then is final, and there is one."""
        segments = self._spoken_by(speaker, since_s)
        return bool(segments) and all(segment.final for segment in segments)

    def _spoken_by(self, speaker: str, since_s: float) -> list[TranscriptSegment]:
        return [
            segment
            for segment in self._segments.values()
            if segment.speaker == speaker and segment.opened_at_s >= since_s
        ]
