"""Measures Piper in a process of its own: one JSON line for each pair of staged and full runs.

Run by bench.tts. Standing alone: `python -m bench.tts_streams VOICE PAIRS`.
"""

import json
import sys
import threading
import time
from dataclasses import asdict, dataclass

from parley import models
from workers.engines.piper.engine import PiperEngine
from workers.engines.piper.full import FullVoice
from workers.engines.piper.phonemes import Phonemizer
from workers.engines.tts_engine import Cancellation, LoadedVoice, SpeechRequest, SpokenAudio

SENTENCES = {
    "short": "Please call me back when you get home.",
    "middle": "The weather in the mountains was so clear this morning that we saw the whole valley "
    "from the old bridge.",
    "long": "The weather in the mountains was so clear this morning that we saw the whole valley "
    "from the old bridge, and the river below it shone like a long silver ribbon that somebody had "
    "dropped between the quiet green trees.",
}
STREAMS = (1, 2)


@dataclass(frozen=True)
class StreamsRun:
    """One sentence spoken by `streams` threads at once; times are means over the streams.

    `late_chunks` counts chunks that came after the audio before them had been played out.
    """

    first_audio_ms: float
    total_ms: float
    cpu_ms: float
    audio_s: float
    late_chunks: int


def main() -> int:
    name, pairs = sys.argv[1], int(sys.argv[2])
    folder = models.ensure(name)
    staged = PiperEngine(threads=1).load(name, folder)
    if not staged.reproducible:
        print(f"parley: voice {name} cannot be cut into stages", file=sys.stderr)
        return 1
    phonemizer = Phonemizer(folder / "config.json")
    voices = {"staged": staged, "full": FullVoice(folder / "model.onnx", phonemizer, threads=1)}
    for sentence, text in SENTENCES.items():
        for streams in STREAMS:
            for voice in voices.values():
                measure(voice, text, streams)
            for pair in range(pairs):
                order = ["staged", "full"] if pair % 2 else ["full", "staged"]
                runs = {kind: measure(voices[kind], text, streams) for kind in order}
                line = {"sentence": sentence, "words": len(text.split()), "streams": streams}
                line |= {kind: asdict(run) for kind, run in runs.items()}
                print(json.dumps(line), flush=True)
    return 0


def measure(voice: LoadedVoice, text: str, streams: int) -> StreamsRun:
    """Speaks the text on so many threads that begin together."""
    runs: list[StreamsRun] = []
    barrier = threading.Barrier(streams)

    def speak() -> None:
        barrier.wait()
        runs.append(_speak(voice, text))

    threads = [threading.Thread(target=speak) for _ in range(streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(runs) < streams:
        raise RuntimeError("a stream failed; its error is above")
    return StreamsRun(
        first_audio_ms=sum(run.first_audio_ms for run in runs) / streams,
        total_ms=sum(run.total_ms for run in runs) / streams,
        cpu_ms=sum(run.cpu_ms for run in runs) / streams,
        audio_s=sum(run.audio_s for run in runs) / streams,
        late_chunks=sum(run.late_chunks for run in runs),
    )


def _speak(voice: LoadedVoice, text: str) -> StreamsRun:
    began, cpu_began = time.perf_counter(), time.thread_time()
    first_s, samples, late_chunks = None, 0, 0
    for piece in voice.speak(SpeechRequest(text=text), Cancellation()):
        if isinstance(piece, SpokenAudio):
            now = time.perf_counter()
            first_s = now if first_s is None else first_s
            late_chunks += now > first_s + samples / voice.sample_rate_hz
            samples += len(piece.samples)
    assert first_s is not None, "no audio came"
    return StreamsRun(
        first_audio_ms=(first_s - began) * 1000,
        total_ms=(time.perf_counter() - began) * 1000,
        cpu_ms=(time.thread_time() - cpu_began) * 1000,
        audio_s=samples / voice.sample_rate_hz,
        late_chunks=late_chunks,
    )


if __name__ == "__main__":
    sys.exit(main())
