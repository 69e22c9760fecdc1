"""A call as its record tells it: its turns with their words and stages, and what else happened.

What `./run calls ID` prints, the page draws, and the webhooks carry is this.
"""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from parley.app.session import AgentSaid, HandedOff, Heard, PersonSaid, Resumed, ToolCalled
from parley.records.lines import (
    AnyLine,
    AudioBegan,
    CallBegan,
    CallEnded,
    CutShort,
    ErrorTold,
    FloorChanged,
    PersonCame,
    RecordingStopped,
    ResponseBegan,
    StageTimes,
    ToolRan,
    WorkerTook,
)
from parley.room_events import TurnStages


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ToolView(_View):
    name: str
    outcome: str
    at_s: float = Field(description="when it ended")
    took_s: float | None = None
    arguments: dict[str, object] = {}
    result: str = ""


class TurnView(_View):
    """What the person said, and what became of the answer; a greeting has no words of theirs."""

    id: str
    at_s: float = Field(description="when the first of it was known")
    person: str = ""
    made: str = Field("", description="the answer as it was made")
    heard: str = Field("", description="as far as it was heard")
    interrupted: bool = False
    ended: bool = Field(False, description="nothing more of it will be heard")
    ended_at_s: float | None = None
    stages: TurnStages | None = Field(None, description="of the answer; else of its filler")
    marks: StageTimes | None = None
    filler_marks: StageTimes | None = Field(None, description="of the filler that came before it")
    over_ms: float | None = Field(
        None, description="by how much the response was slower than its objective; None: it was not"
    )
    tools: list[ToolView] = []


class MomentView(_View):
    """Something that happened, beside the turns."""

    at_s: float
    kind: str
    text: str = ""


class CallView(_View):
    """`length_s` is up to the last that is known of a call that goes on, or was lost."""

    id: str = ""
    session: str = ""
    room: str = ""
    user: str = ""
    names: list[str] = Field([], description="by which people came, identities and names")
    app: str = ""
    agent: str = ""
    language: str = ""
    voice: str = ""
    model: str = ""
    recognizer: str = ""
    began_at_s: float = 0.0
    length_s: float = 0.0
    state: str = Field("going", description="going, ended, lost, or stopped: recording")
    audio_began_at_s: float | None = Field(None, description="None: no sound is kept")
    peak_s: float = 0.0
    turns: list[TurnView] = []
    floors: list[MomentView] = []
    moments: list[MomentView] = []
    errors: int = 0
    interruptions: int = 0
    slowest_ms: float | None = Field(None, description="slowest response to the person")
    over_objective: int = Field(0, description="responses slower than the objective")
    objective_ms: float | None = None


class CallReader:
    """Takes the lines of one record in their order; `view` is what they say so far."""

    def __init__(self, lines: Iterable[AnyLine] = ()) -> None:
        self.view = CallView()
        self._turns: dict[str, TurnView] = {}
        self._took_s: dict[str, float] = {}
        self._tools: dict[str, ToolView] = {}
        for line in lines:
            self.take(line)

    def turn(self, turn_id: str) -> TurnView | None:
        return self._turns.get(turn_id)

    def take(self, line: AnyLine) -> None:
        view = self.view
        view.length_s = max(view.length_s, line.at_s - (view.began_at_s or line.at_s))
        match line:
            case PersonSaid() | AgentSaid() | Heard() | ToolCalled():
                self._take_words(line)
            case ResponseBegan():
                self._take_response(line)
            case CallBegan():
                known = line.model_dump(exclude={"kind", "format", "at_s", "objectives"})
                for name, value in known.items():
                    setattr(view, name, value)
                view.began_at_s = line.at_s
                view.objective_ms = line.objectives.response_ms
            case AudioBegan():
                view.audio_began_at_s, view.peak_s = line.at_s, line.peak_s
            case PersonCame():
                known_names = dict.fromkeys([*view.names, line.user, line.name])
                view.names = [name for name in known_names if name]
            case ToolRan():
                self._took_s[line.call_id] = line.took_s
                if (tool := self._tools.get(line.call_id)) is not None:
                    tool.took_s = line.took_s
            case CallEnded():
                view.state = line.why if view.state == "going" else view.state
            case _:
                self._take_moment(line)

    def _take_words(self, line: PersonSaid | AgentSaid | Heard | ToolCalled) -> None:
        turn = self._turn(line.turn_id, line.at_s)
        match line:
            case PersonSaid(text=text):
                turn.person = f"{turn.person} {text}".strip()
            case AgentSaid(text=text):
                turn.made = f"{turn.made} {text}".strip()
            case Heard():
                if line.final and line.interrupted and not turn.interrupted:
                    self.view.interruptions += 1
                turn.heard, turn.interrupted, turn.ended = line.text, line.interrupted, line.final
                turn.ended_at_s = line.at_s
            case ToolCalled(call_id=call_id) if (known := self._tools.get(call_id)) is not None:
                known.outcome, known.result = line.outcome, line.result  # it had waited
                known.at_s = line.at_s
            case ToolCalled():
                tool = self._tools[line.call_id] = ToolView(
                    name=line.name,
                    outcome=line.outcome,
                    at_s=line.at_s,
                    took_s=self._took_s.get(line.call_id),
                    arguments=dict(line.arguments),
                    result=line.result,
                )
                turn.tools.append(tool)

    def _take_response(self, line: ResponseBegan) -> None:
        turn = self._turn(line.turn_id, line.at_s)
        if line.filler:
            turn.filler_marks = line.marks
        turn.stages, turn.marks = line.stages, line.marks
        total_ms = line.stages.total_ms
        if line.filler or total_ms is None:
            return
        view = self.view
        view.slowest_ms = max(view.slowest_ms or 0.0, total_ms)
        if view.objective_ms is not None and total_ms > view.objective_ms:
            view.over_objective += 1
            turn.over_ms = round(total_ms - view.objective_ms, 1)

    def _take_moment(self, line: AnyLine) -> None:
        text = ""
        match line:
            case FloorChanged(floor=floor):
                self.view.floors.append(MomentView(at_s=line.at_s, kind=floor))
                return
            case ErrorTold(code=code, message=message):
                self.view.errors += 1
                text = f"{code}: {message}"
            case WorkerTook(role="asr"):
                text = f"{line.worker} listens"
            case WorkerTook():
                text = f"{line.worker} speaks with {line.voice} ({line.engine})"
            case HandedOff(agent=agent):
                text = f"{agent} takes over"
            case RecordingStopped(why=why):
                self.view.state = "stopped"
                text = why
            case Resumed():
                text = "another process went on with the call"
            case CutShort(onset_at_s=float(onset_s), decided_at_s=float(decided_s)):
                text = f"{1000 * (decided_s - onset_s):.0f} ms after the first sound"
        self.view.moments.append(MomentView(at_s=line.at_s, kind=line.kind, text=text))

    def _turn(self, turn_id: str, at_s: float) -> TurnView:
        turn = self._turns.get(turn_id)
        if turn is None:
            turn = self._turns[turn_id] = TurnView(id=turn_id, at_s=at_s)
            self.view.turns.append(turn)
        return turn
