"""When the agent answered, on the recording: neither a filler nor the tail of an older reply."""

from caller import measure
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.floor_log import FloorLog


def answer_sample(recording: CallRecording, floor: FloorLog, *, end: int, until: int) -> int | None:
    """The first audible sample of the answer that the agent began between `end`, where the
    caller's speech ends, and `until`; None where none was heard by then.

    Sound of a reply that was begun before `end` is no answer to what was said after: it is the
    tail of talking over. Where the log has no answers, every reply counts as one.
    """
    begun_at_s = tuple(floor.replies()) if floor.answers is None else floor.answers
    return _first_heard(recording, begun_at_s, end=end, until=until)


def reply_sample(recording: CallRecording, floor: FloorLog, *, end: int, until: int) -> int | None:
    """The same of any reply, one that begins with a filler included."""
    return _first_heard(recording, tuple(floor.replies()), end=end, until=until)


def _first_heard(
    recording: CallRecording, begun_at_s: tuple[float, ...], *, end: int, until: int
) -> int | None:
    told = (recording.sample_at_unix(at_s) for at_s in begun_at_s)
    begun = next((sample for sample in told if end <= sample < until), None)
    if begun is None:
        return None
    heard = measure.sounds(recording.heard[begun:until], SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS)
    return begun + heard[0].start if heard else None
