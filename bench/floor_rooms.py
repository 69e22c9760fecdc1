"""The same sounds in a real room: a smaller sample, judged by what the agent told and was heard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.floor_sounds import RATE_HZ, FloorSound
from caller.call_recording import unix_offset_s
from caller.client import RoomClient, join
from caller.errors import CallError
from caller.floor_log import FloorLog
from parley.audio import Audio, Samples
from testkit.isolated_instance import OwnParley
from testkit.told_scripts import LONG, ToldScripts

INTO_REPLY_S = 1.0
"""The sound begins so long after the agent does."""
JUDGED_S = 3.0
"""After the sound's onset: later words do not come."""
REPLY_TIMEOUT_S = 15.0
CALL = 0


@dataclass(frozen=True)
class RoomTrial:
    sound: FloorSound
    yielded: bool

    @property
    def right(self) -> bool:
        return self.yielded == self.sound.wants_floor


def sample(sounds: Sequence[FloorSound], count: int) -> list[FloorSound]:
    """Half of them interruptions, half not, spread over the set."""
    chosen: list[FloorSound] = []
    for wanted, share in ((True, (count + 1) // 2), (False, count // 2)):
        of_kind = [sound for sound in sounds if sound.wants_floor is wanted]
        step = max(1, len(of_kind) // max(share, 1))
        chosen += of_kind[::step][:share]
    return chosen


async def in_a_room(
    parley: OwnParley,
    model: ToldScripts,
    sounds: Sequence[FloorSound],
    person: Samples,
    *,
    progress: Callable[[str], None],
) -> list[RoomTrial]:
    """Raises CallError where the call breaks off. `person` is said first: the agent learns how
    loud they are."""
    trials: list[RoomTrial] = []
    async with join(parley.access()) as client:
        await client.wait_for_agent()
        await client.speak(Audio(person, RATE_HZ))
        await _replied(client, client.clock())
        for number, sound in enumerate(sounds):
            model.next[CALL] = LONG[number % len(LONG)]
            asked_s = client.clock()
            await client.type("Please go on.")
            told_s = await _replied(client, asked_s)
            await _until(client, told_s + INTO_REPLY_S)
            first = await client.speak(Audio(sound.samples, RATE_HZ))
            onset_s = client.microphone.time_of(first)
            await _until(client, onset_s + JUDGED_S)
            offset_s = unix_offset_s(client.clock)
            floor = FloorLog.of(client.events, unix_offset_s=offset_s)
            yielded = floor.yielded(onset_s + offset_s, onset_s + offset_s + JUDGED_S)
            trials.append(RoomTrial(sound, yielded))
            progress(f"in a room: {number + 1} of {len(sounds)}")
    return trials


async def _replied(client: RoomClient, since_s: float) -> float:
    """When the next reply began, by the agent's word, in seconds of the clock."""
    offset_s = unix_offset_s(client.clock)

    def begun() -> list[float]:
        floor = FloorLog.of(client.events, unix_offset_s=offset_s)
        return [at_s - offset_s for at_s in floor.replies() if at_s - offset_s > since_s]

    if not await client.reached(lambda: bool(begun()), timeout_s=REPLY_TIMEOUT_S):
        raise CallError(f"the agent said nothing within {REPLY_TIMEOUT_S:.0f} s")
    return begun()[0]


async def _until(client: RoomClient, at_s: float) -> None:
    await client.reached(lambda: client.clock() >= at_s, timeout_s=REPLY_TIMEOUT_S)
