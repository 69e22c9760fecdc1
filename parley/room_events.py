"""What the agent tells the clients in a room, beside audio and transcripts.

Sent as reliable data packets of UTF-8 JSON. Transcripts travel as LiveKit text streams
(`lk.transcription`), typed messages to the agent on `lk.chat`, the agent's state in its
participant attribute `lk.agent.state`: any LiveKit client understands those.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

TOPIC = "parley.events"

TURN_RECORDING_TOPIC = "parley.turn_recording"
"""Text stream to the caller that asked for it: the call's turn-taking, a JSON object a line."""
TURN_RECORDING_FILE = "turn_taking.jsonl"
"""The name under which a caller keeps it."""

SET_VOICE_METHOD = "parley.set_voice"
"""LiveKit RPC to the agent; the payload is the voice's name, the answer the voice in use."""

LOST_JOB_AGENT = "parley-lost"
"""A dispatch to this agent, which does not exist, is a note: the job of the dispatch whose id is
its metadata has died. LiveKit keeps notes of no other kind where gateways could read them."""

AGENT_NAME_ATTRIBUTE = "lk.agent_name"
"""Of an agent's participant: whose jobs it takes. The LiveKit server writes it into its token."""

RECORDING_ATTRIBUTE = "parley.recording"
"""Of the agent's participant while the call is recorded: "audio", or "text" where only words are
kept. Clients show it; empty or missing: nothing is recorded."""

RECORD_ATTRIBUTE = "parley.record"
"""Of the agent's participant: the record of the call, whose sound its caller may fetch."""

HISTORY_ATTRIBUTE = "parley.history"
"""Of the agent's participant: "kept" where it knows what was said in the conversation before it
came, "new" where the conversation begins with it. Clients that show what was said before tell."""

DECIDE_METHOD = "parley.decide"
"""LiveKit RPC to the agent: {"approval_id": …, "approved": true or false, "why": …}."""


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class TurnStages(_Event):
    """Where the time of one turn went, in ms; None where a stage did not take place."""

    endpointing_ms: float | None = None
    asr_ms: float | None = None
    llm_first_token_ms: float | None = None
    tts_first_audio_ms: float | None = None
    total_ms: float | None = Field(
        None, description="end of speech to first audio, as the agent saw it"
    )


class TurnMoments(_Event):
    """When each thing of one turn happened, in seconds since 1970 on the agent's clock; None: it
    did not, or nobody knows. They need not be in this order: a reply may be begun on a guess."""

    speech_ended_s: float | None = Field(None, description="the person's last voice had come in")
    pause_noticed_s: float | None = Field(
        None, description="recognition took it for a pause, and began to read what was said"
    )
    text_s: float | None = Field(None, description="the text came that the reply was made from")
    begun_s: float | None = Field(None, description="the reply was begun, maybe on a guess")
    first_token_s: float | None = Field(None, description="the model's first word came")
    first_clause_s: float | None = Field(None, description="there was enough of it to be said")
    tts_asked_s: float | None = Field(None, description="a speech worker was asked")
    first_audio_s: float | None = Field(None, description="its first audio came")
    turn_ended_s: float | None = Field(
        None, description="the person's turn was taken as ended: the reply may sound from here on"
    )


class TurnEvent(_Event):
    """The first audio of a reply has left the agent.

    A reply that begins with a filler is told twice: as the filler begins, and once the first word
    of the answer behind it has been heard.
    """

    type: Literal["turn"] = "turn"
    turn: int = Field(ge=1, description="counts the person's turns of this call")
    stages: TurnStages
    filler: bool = Field(False, description="what sounds is a filler, and no answer yet")
    at_s: float | None = Field(
        None, description="seconds since 1970 on the agent's clock, when that was; None: untold"
    )
    moments: TurnMoments = TurnMoments()


LLM_UNAVAILABLE = "llm_unavailable"
"""Code of an error of the language model that may have passed by the next turn."""


def is_model_fault(code: str) -> bool:
    """Whether an error of that code says that the language model has not answered a turn."""
    return code == LLM_UNAVAILABLE or code.startswith("model_")


FloorName = Literal["quiet", "thinking", "speaking", "ducked", "held", "yielded"]


class FloorEvent(_Event):
    """The floor has changed hands, or is contested.

    quiet: the agent has nothing to say; thinking: it is making a reply; speaking: the reply
    sounds; ducked: it has been turned down at the first sign of speech; held: it is silent and
    keeps its place; yielded: the person has the floor and the reply is cut.
    """

    type: Literal["floor"] = "floor"
    floor: FloorName
    at_s: float = Field(description="seconds since 1970 on the agent's clock, when it was decided")


class InterruptedEvent(_Event):
    """The person cut the agent's reply short: its transcript ends where it was heard to end.

    Times are seconds since 1970 on the agent's clock; None where speech was not what cut it.
    """

    type: Literal["interrupted"] = "interrupted"
    heard: str = Field("", description="the reply as it was heard, and is kept in the history")
    onset_at_s: float | None = Field(None, description="when the speech that cut it began")
    decided_at_s: float | None = Field(None, description="when it was decided to fall silent")


class ErrorEvent(_Event):
    """Something the person should see; the call goes on unless `fatal`."""

    type: Literal["error"] = "error"
    code: str = Field(
        description="for programs: tts_unavailable, asr_unavailable, llm_unavailable, "
        "model_unauthorized ..."
    )
    message: str = Field(description="for people")
    fatal: bool = False


class RecoveredEvent(_Event):
    """What an ErrorEvent of the same code told of is over. Where none comes, the answer to a later
    turn says so."""

    type: Literal["recovered"] = "recovered"
    code: str = Field(description="for programs: asr_unavailable")


class ToolStartedEvent(_Event):
    """A tool call of the agent has begun to run; a ToolEvent of the same `call_id` ends it.

    `arguments` are empty where `agent.tool_events` keeps them from clients.
    """

    type: Literal["tool_started"] = "tool_started"
    call_id: str
    name: str
    arguments: dict[str, JsonValue]
    at_s: float = Field(description="seconds since 1970 on the agent's clock")


class ToolEvent(_Event):
    """A tool call of the agent has ended; `result` is what the model was told.

    `arguments` and `result` are empty where `agent.tool_events` keeps them from clients.
    """

    type: Literal["tool"] = "tool"
    call_id: str = ""
    name: str
    arguments: dict[str, JsonValue]
    outcome: str = Field(
        description="done, failed, cancelled, refused, or pending: it waits for approval, and is "
        "told again once it has ended"
    )
    result: str
    at_s: float | None = Field(
        None, description="seconds since 1970 on the agent's clock, when it ended; None: untold"
    )
    took_ms: float | None = Field(None, description="how long it ran; None: untold")


class ApprovalEvent(_Event):
    """A tool call of the agent waits for the person's approval; DECIDE_METHOD answers it."""

    type: Literal["approval"] = "approval"
    approval_id: str
    tool: str
    arguments: dict[str, JsonValue]


class ProgressEvent(_Event):
    """What the agent is doing where that takes a while."""

    type: Literal["progress"] = "progress"
    step: str = Field("", description="for programs")
    message: str = Field(description="for people")


class ClarificationEvent(_Event):
    """The agent asks something before it goes on; it says the question too."""

    type: Literal["clarification"] = "clarification"
    question: str
    suggestions: tuple[str, ...] = Field((), description="answers that may be given; empty: any")


class ResultsEvent(_Event):
    """Something to show beside what is said: what the agent has found."""

    type: Literal["results"] = "results"
    items: tuple[dict[str, JsonValue], ...]
    total: int = Field(description="how many there are")
    asked: dict[str, JsonValue] = Field({}, description="what they answer, as it was understood")


AnyEvent = (
    TurnEvent
    | FloorEvent
    | InterruptedEvent
    | ErrorEvent
    | RecoveredEvent
    | ToolStartedEvent
    | ToolEvent
    | ApprovalEvent
    | ProgressEvent
    | ClarificationEvent
    | ResultsEvent
)

RoomEvent = Annotated[AnyEvent, Field(discriminator="type")]

_adapter: TypeAdapter[AnyEvent] = TypeAdapter(RoomEvent)


def encode(event: AnyEvent) -> bytes:
    return event.model_dump_json().encode()


def decode(payload: bytes) -> AnyEvent:
    """Raises pydantic.ValidationError for anything that is not one of the events."""
    return _adapter.validate_json(payload)


class DispatchMetadata(_Event):
    """What the gateway tells the agent with the dispatch of a call; JSON in the job's metadata.

    `attributes` and `metadata` are the client's own words: good to show, not to rely on.
    """

    voice: str = ""
    record: bool = Field(False, description="send the call's turn-taking to the caller")
    session: str = Field("", description="the conversation: its log is kept under this id")
    app: str = Field("", description="a name of agent.apps; empty: agent.app")
    character: str = Field(
        "", description="a name of visitors.characters: who the agent is to be; empty: itself"
    )
    instructions: str = Field(
        "", description="the caller's own, where visitors.may_instruct allows it; empty: none"
    )
    user: str = Field("", description="the person's identity in the room")
    resumed: bool = Field(
        False,
        description="this call has lost its agent, or its person: go on where it was, and say so",
    )
    attributes: dict[str, str] = Field({}, description="the person's, as the client wishes them")
    metadata: str = Field("", description="what the client says to the agent")
    budget: str = Field("", description="whose budget the call is on (parley/budgets.py)")
    longest_s: float | None = Field(None, description="after which the call ends; None: untold")
