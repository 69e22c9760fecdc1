"""The framework's session, as the settings want it."""

from livekit.agents import (
    NOT_GIVEN,
    AgentSession,
    APIConnectOptions,
    TurnHandlingOptions,
    inference,
    room_io,
)
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.agents.voice.room_io.types import TextInputCallback
from livekit.agents.voice.turn import EndpointingOptions, TurnDetectionMode

from agent.nodes import EngineModel
from agent.stt import SAMPLE_RATE_HZ as HEARING_HZ
from agent.stt import WorkerSTT
from agent.tts import WorkerTTS
from agent.turns.end_of_turn import EndOfTurnPolicy
from agent.turns.floor import FloorPolicy
from agent.turns.shared_vad import SharedVAD
from parley.settings import OrchestratorSettings
from parley.settings.turn import TurnSection

FRAME_MS = 32
"""One window of voice activity: shorter frames are judged no sooner, and cost as much each."""
_GUESSES = 24
"""Answers begun to one turn, at most: how many there is room for `GuessRoom` knows."""
LONGEST_TURN_S = 120.0
"""To longer ones no answer is begun before they have ended."""
_NEVER = 1_000_000
"""More errors than a call can have: a part that fails is told of, and the call goes on."""


def build_session(
    settings: OrchestratorSettings,
    *,
    hearing: WorkerSTT | None,
    speaking: WorkerTTS,
    turn: TurnSection | None = None,
) -> AgentSession[None]:
    """The framework's session; without `hearing` people only type.

    `turn`: the turn-taking of the agent that speaks first; None: that of the settings.
    """
    turn = turn or settings.turn
    handling = TurnHandlingOptions(
        turn_detection=_turn_detection(hearing),
        endpointing=endpointing(turn),
        interruption={
            # `BargeIn` interrupts. The framework acts only on words that it lets through, on
            # which it has acted already.
            "mode": "vad",  # adaptive interruption is a cloud service
            "min_duration": _NEVER,
            "resume_false_interruption": False,
        },
        preemptive_generation={
            "enabled": True,
            "preemptive_tts": True,
            "max_retries": _GUESSES,
            "max_speech_duration": LONGEST_TURN_S,
        },
    )
    vad = SharedVAD(min_speech_s=turn.vad_min_speech_s, min_silence_s=_min_silence_s(turn, hearing))
    return AgentSession[None](
        stt=hearing or NOT_GIVEN,
        vad=vad if hearing else None,
        llm=EngineModel(),
        tts=speaking,
        turn_handling=handling,
        use_tts_aligned_transcript=True,
        tts_text_transforms=None,  # `WorkerTTS` has its own, which keep the transcript as written
        aec_warmup_duration=None,  # else the first 3 s of speech could not be interrupted
        user_away_timeout=None,
        conn_options=SessionConnectOptions(
            # The pools own the retries: they have tried every worker, and waited for those at
            # capacity, before they fail. `WorkerSTT` listens anew by itself.
            stt_conn_options=APIConnectOptions(max_retry=0),
            tts_conn_options=APIConnectOptions(max_retry=0),
            max_unrecoverable_errors=_NEVER,
        ),
    )


def _turn_detection(hearing: WorkerSTT | None) -> TurnDetectionMode:
    if hearing is None:
        return "manual"
    if hearing.ends_turns:
        return "stt"
    # Pinned: the default asks a cloud service in development.
    return inference.TurnDetector(version="v1-mini")


def _min_silence_s(turn: TurnSection, hearing: WorkerSTT | None) -> float:
    """The framework takes speech for paused before its STT takes the turn for ended: else it
    would warn of each turn."""
    if hearing is not None and hearing.ends_turns:
        return min(turn.vad_min_silence_s, turn.end_of_turn_min_silence_s / 2)
    return turn.vad_min_silence_s


def room_options(
    settings: OrchestratorSettings, *, on_text: TextInputCallback
) -> room_io.RoomOptions:
    """How the session meets the room: frames of a window in, and the person's transcript out."""
    audio_input = room_io.AudioInputOptions(
        sample_rate=HEARING_HZ,
        num_channels=1,
        frame_size_ms=FRAME_MS,
        # Who speaks is judged by level too: a murmur in the back must not be turned up.
        auto_gain_control=False,
    )
    return room_io.RoomOptions(
        text_input=room_io.TextInputOptions(text_input_cb=on_text),
        audio_input=audio_input if settings.asr.enabled else False,
        audio_output=False,  # `Duplex` has its own track
        text_output=room_io.TextOutputOptions(sync_transcription=False),
    )


def endpointing(turn: TurnSection) -> EndpointingOptions:
    """How the framework is to tell the end of the person's turn."""
    if turn.end_of_turn == "judged":  # it has been waited for already
        return {"mode": "fixed", "min_delay": 0.0, "max_delay": turn.endpointing_max_delay_s}
    return {
        "mode": turn.endpointing,
        "min_delay": turn.endpointing_min_delay_s,
        "max_delay": turn.endpointing_max_delay_s,
    }


def end_of_turn_policy(turn: TurnSection) -> EndOfTurnPolicy:
    """When the person's turn has ended, as the settings want it."""
    return EndOfTurnPolicy(
        probability=turn.end_of_turn_probability,
        shortest_s=turn.end_of_turn_min_silence_s,
        longest_s=turn.endpointing_max_delay_s,
    )


def floor_policy(turn: TurnSection) -> FloorPolicy:
    """When the agent gives way, as the settings want it."""
    return FloorPolicy(
        duck_after_s=turn.duck_after_s,
        hold_after_s=turn.hold_after_s,
        thinking_hold_after_s=turn.thinking_hold_after_s,
        yield_after_s=turn.yield_after_s,
        verdict_s=turn.verdict_s,
        near_db=turn.near_db,
    )
