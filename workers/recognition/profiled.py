"""A recognizer whose slow decodes leave profiles (ENABLE_PROFILING)."""

from collections.abc import Callable, Sequence
from itertools import count

from workers.engines.asr_engine import DecodeRequest, Draft, Recognizer
from workers.serving.profiles import SlowWorkProfiles


class ProfiledRecognizer:
    """The recognizer, each decode of it under `profiles`."""

    def __init__(self, recognizer: Recognizer, profiles: SlowWorkProfiles) -> None:
        self._recognizer = recognizer
        self._profiles = profiles
        self._decodes = count(1)
        self.device = recognizer.device
        self.languages = recognizer.languages
        self.attempts = recognizer.attempts
        self.largest_batch = recognizer.largest_batch

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> Sequence[Draft]:
        with self._profiles.timed(str(next(self._decodes))) as engine_time:
            return engine_time.run(
                lambda: self._recognizer.decode(requests, attempt=attempt, abandoned=abandoned)
            )
