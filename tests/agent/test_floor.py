"""Who has the floor, for any events in any order, without a clock of its own."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.turns.floor import Decision, Floor, FloorPolicy, TurnTaking
from agent.turns.overlap_sound import WindowSound
from tests.agent.murmur_sounds import hum_window, open_window

WINDOW_S = 0.032
POLICY = FloorPolicy()


class Person:
    """Feeds windows of speech and silence to a floor and collects its decisions."""

    def __init__(self) -> None:
        self.turns = TurnTaking(POLICY)
        self.now_s = 0.0
        self.awaited = False
        """Whether an answer is, of which nothing sounds."""
        self.decisions: list[tuple[Decision, float]] = []

    def sounds(
        self,
        seconds: float,
        *,
        probability: float = 0.95,
        level_db: float = -25.0,
        sound: WindowSound | None = None,
    ) -> None:
        for _ in range(round(seconds / WINDOW_S)):
            self.now_s += WINDOW_S
            self._take(
                self.turns.window(
                    at_s=self.now_s,
                    duration_s=WINDOW_S,
                    probability=probability,
                    level_db=level_db,
                    sound=sound,
                    awaited=self.awaited,
                )
            )

    def is_silent(self, seconds: float) -> None:
        self.sounds(seconds, probability=0.02, level_db=-70.0)

    def is_understood(self, text: str, *, confidence: float = 1.0, final: bool = False) -> None:
        self._take(self.turns.transcript(text, at_s=self.now_s, confidence=confidence, final=final))

    def _take(self, decision: Decision | None) -> None:
        if decision is not None:
            self.decisions.append((decision, self.now_s))

    @property
    def made(self) -> list[Decision]:
        return [decision for decision, _ in self.decisions]


def listening_to_the_agent() -> Person:
    person = Person()
    person.sounds(1.0)  # the level of the person's own voice is known
    person.is_silent(0.5)
    person.turns.agent_speaks(at_s=person.now_s)
    return person


def test_who_speaks_again_after_their_turn_is_known_to_until_they_have_paused() -> None:
    person = Person()
    person.sounds(1.0)
    person.is_silent(0.4)
    turn_ended_s = person.now_s

    def goes_on() -> bool:
        return person.turns.goes_on(at_s=person.now_s, since_s=turn_ended_s)

    assert not goes_on()  # what was said before
    person.sounds(0.032)
    assert not goes_on()  # it may be a click
    person.sounds(0.3)
    assert goes_on()
    person.is_silent(0.3)
    assert goes_on()
    person.is_silent(0.4)
    assert not goes_on()


HUM = WindowSound.of(hum_window())
OPEN = WindowSound.of(open_window())


def test_a_hum_is_a_murmur_whatever_recognition_makes_of_it() -> None:
    person = listening_to_the_agent()
    person.sounds(0.45, sound=HUM)
    person.is_understood("Emma Machin", confidence=0.5)
    person.is_silent(0.5)
    assert Decision.YIELD not in person.made
    assert person.turns.floor is Floor.SPEAKING


def test_the_same_words_with_an_open_mouth_take_the_floor() -> None:
    person = listening_to_the_agent()
    person.sounds(0.45, sound=OPEN)
    person.is_understood("Emma Machin", confidence=0.7)
    person.is_silent(0.6)
    assert person.made[-1] is Decision.YIELD


def test_late_words_of_a_hum_are_judged_by_its_sound_too() -> None:
    person = listening_to_the_agent()
    person.sounds(0.45, sound=HUM)
    person.is_silent(1.5)
    assert person.made[-1] is Decision.RETURN
    person.is_understood("Pum.", confidence=0.5)
    assert person.made[-1] is Decision.RETURN


def test_a_clear_word_takes_the_floor_though_it_sounds_like_a_hum() -> None:
    person = listening_to_the_agent()
    person.sounds(0.45, sound=HUM)
    person.is_understood("Who?", confidence=0.9)
    person.is_silent(0.6)
    assert person.made[-1] is Decision.YIELD


def test_unclear_words_decide_only_once_no_more_of_them_come() -> None:
    """The agent is silent meanwhile: "Oh, red" may become "Oh, really"."""
    person = listening_to_the_agent()
    person.sounds(0.4)
    person.is_understood("Oh, red", confidence=0.5)
    assert person.made[-1] is Decision.HOLD
    person.sounds(0.2)
    person.is_understood("Oh, really", confidence=0.8)
    person.is_silent(0.6)
    assert person.made[-1] is Decision.RETURN
    person.sounds(0.4)
    person.is_understood("Oh, bread", confidence=0.9)
    person.is_silent(0.6)
    assert person.made[-1] is Decision.YIELD


def test_who_goes_on_with_their_own_turn_does_not_murmur() -> None:
    """Before the answer has sounded: "...that news", a pause, "and a garland"."""
    person = Person()
    person.sounds(1.0)
    person.is_silent(1.0)
    person.turns.agent_thinks()
    person.sounds(0.7, sound=HUM)
    person.is_understood("and a garland", confidence=0.3)
    assert person.made == [Decision.HOLD, Decision.YIELD]


def test_a_laugh_longer_than_a_second_is_not_the_floors_end() -> None:
    person = listening_to_the_agent()
    person.sounds(1.5)
    person.is_understood("")
    person.is_silent(1.0)
    assert person.made == [Decision.DUCK, Decision.HOLD, Decision.RETURN]


def test_an_interruption_ducks_at_once_holds_soon_and_yields_on_its_words() -> None:
    person = listening_to_the_agent()
    began_s = person.now_s
    person.sounds(0.5)
    person.is_understood("wait a moment")
    assert person.made == [Decision.DUCK, Decision.HOLD, Decision.YIELD]
    times = [at_s - began_s for _, at_s in person.decisions]
    assert times[0] <= 0.04
    assert times[1] <= 0.1


def test_a_murmur_is_held_for_and_the_agent_goes_on() -> None:
    person = listening_to_the_agent()
    person.sounds(0.3)
    person.is_silent(0.2)
    person.is_understood("Mm-hmm.")
    person.is_silent(0.2)
    assert person.made == [Decision.DUCK, Decision.HOLD, Decision.RETURN]
    assert person.turns.floor is Floor.SPEAKING


def test_a_click_only_ducks() -> None:
    person = listening_to_the_agent()
    person.sounds(0.032)
    person.is_silent(0.4)
    assert person.made == [Decision.DUCK, Decision.RETURN]


def test_a_breath_before_the_voice_counts_as_its_beginning() -> None:
    person = listening_to_the_agent()
    person.sounds(0.2, probability=0.1)
    assert person.made == []
    person.sounds(WINDOW_S)
    assert person.made == [Decision.HOLD]


def test_a_noise_without_words_lets_the_agent_go_on() -> None:
    person = listening_to_the_agent()
    person.sounds(0.4)
    person.is_silent(2.0)
    assert person.made == [Decision.DUCK, Decision.HOLD, Decision.RETURN]


def test_a_short_command_yields_though_it_is_over_when_it_is_understood() -> None:
    person = listening_to_the_agent()
    person.sounds(0.3)
    person.is_silent(0.4)
    person.is_understood("Stop.")
    assert person.made[-1] is Decision.YIELD


def test_a_pause_within_an_interruption_does_not_move_its_beginning() -> None:
    person = listening_to_the_agent()
    began_s = person.now_s
    person.sounds(0.3)
    person.is_silent(0.5)
    person.sounds(0.3)
    person.is_understood("Wait. Stop.")
    assert person.made[-1] is Decision.YIELD
    assert person.turns.onset_s is not None
    assert person.turns.onset_s - began_s < 2 * WINDOW_S


def test_words_of_before_the_pause_do_not_judge_what_follows_it() -> None:
    person = listening_to_the_agent()
    person.sounds(0.3)
    person.is_silent(0.2)
    person.sounds(0.1)
    person.is_understood("Right.")  # recognition is late: there is more
    person.sounds(0.3)
    person.is_silent(0.4)
    assert person.turns.floor is Floor.HELD
    person.is_understood("Right, but why?")
    assert person.made[-1] is Decision.YIELD


def test_the_words_of_a_turn_do_not_interrupt_its_answer_though_an_earlier_one_was() -> None:
    person = listening_to_the_agent()
    person.sounds(2.2)
    assert person.turns.floor is Floor.YIELDED
    person.turns.agent_stops()
    person.sounds(0.8)
    person.is_silent(0.4)
    person.turns.agent_thinks()
    person.turns.agent_speaks(at_s=person.now_s)
    person.is_understood("What about Monday?")  # recognition is later than the answer to it
    assert person.turns.floor is Floor.SPEAKING


def test_what_took_the_floor_is_a_turn_however_unclear_its_last_text_is() -> None:
    """The voice and the reply are each told to have stopped, in this order."""
    person = listening_to_the_agent()
    person.sounds(2.2)
    assert person.made[-1] is Decision.YIELD
    person.turns.agent_stops()
    person.turns.agent_stops()
    assert person.turns.takes_turn("Garland", confidence=0.1)


def test_the_beginning_of_what_may_become_a_murmur_decides_nothing() -> None:
    person = listening_to_the_agent()
    person.sounds(0.4)
    person.is_understood("That's")
    assert person.turns.floor is Floor.HELD
    person.sounds(0.2)
    person.is_understood("That's lovely.")
    person.is_silent(0.4)
    assert person.made[-1] is Decision.RETURN
    person.sounds(0.6)
    person.is_understood("That's not")
    assert person.made[-1] is Decision.YIELD


def test_long_speech_yields_without_recognition() -> None:
    person = listening_to_the_agent()
    person.sounds(POLICY.yield_after_s + 0.2)
    assert person.made[-1] is Decision.YIELD


def test_a_murmur_said_twice_is_one() -> None:
    person = listening_to_the_agent()
    person.sounds(0.6)
    person.is_understood("Right.")
    person.sounds(0.6)
    person.is_understood("Right, right.")
    person.is_silent(0.4)
    assert person.made[-1] is Decision.RETURN


def test_somebody_far_away_does_not_even_duck() -> None:
    person = listening_to_the_agent()
    person.sounds(3.0, level_db=-25.0 - POLICY.near_db - 3)
    assert person.made == []


def test_yes_after_a_question_takes_the_floor() -> None:
    person = listening_to_the_agent()
    person.turns.agent_asked(asked=True)
    person.sounds(0.3)
    person.is_understood("Yes.")
    assert person.made[-1] is Decision.YIELD


def test_two_murmurs_in_one_reply_are_judged_apart() -> None:
    person = listening_to_the_agent()
    for _ in range(4):
        person.sounds(0.35)
        person.is_silent(0.3)
        person.is_understood("Yeah.")
        person.is_silent(0.6)
    assert Decision.YIELD not in person.made


class AnyOrder(RuleBasedStateMachine):
    """Every event in every state: no exception, no stuck state, decisions that fit the floor."""

    def __init__(self) -> None:
        super().__init__()
        self.person = Person()
        self.silent_for_s = 0.0
        self.expected = Floor.QUIET

    @rule()
    def agent_thinks(self) -> None:
        self.person.turns.agent_thinks()
        if self.expected not in (Floor.DUCKED, Floor.HELD):
            self.expected = Floor.THINKING

    @rule()
    def agent_speaks(self) -> None:
        decision = self.person.turns.agent_speaks(at_s=self.person.now_s)
        if self.expected not in (Floor.DUCKED, Floor.HELD):
            self.expected = Floor.SPEAKING if decision is None else Floor.HELD

    @rule()
    def agent_stops(self) -> None:
        self.person.turns.agent_stops()
        self.expected = Floor.QUIET

    @rule(asked=st.booleans())
    def agent_asks(self, asked: bool) -> None:
        self.person.turns.agent_asked(asked=asked)

    @rule(
        seconds=st.floats(0.032, 1.5),
        probability=st.floats(0, 1),
        level_db=st.floats(-90, 0),
    )
    def sound(self, seconds: float, probability: float, level_db: float) -> None:
        self.person.sounds(seconds, probability=probability, level_db=level_db)
        self.silent_for_s = 0.0
        self._follow()

    @rule(seconds=st.floats(0.032, 3.0))
    def silence(self, seconds: float) -> None:
        self.person.is_silent(seconds)
        self.silent_for_s += seconds
        self._follow()

    @rule(text=st.sampled_from(["", "mm-hmm", "yeah", "stop", "what about monday", "Thank you."]))
    def words(self, text: str) -> None:
        self.person.is_understood(text)
        self._follow()

    def _follow(self) -> None:
        """Each decision must be one that the floor it was made on allows."""
        has_floor = (Floor.SPEAKING, Floor.THINKING)
        follows = {
            (Floor.SPEAKING, Decision.DUCK): (Floor.DUCKED,),
            (Floor.SPEAKING, Decision.HOLD): (Floor.HELD,),
            (Floor.SPEAKING, Decision.YIELD): (Floor.YIELDED,),
            (Floor.THINKING, Decision.HOLD): (Floor.HELD,),
            (Floor.THINKING, Decision.YIELD): (Floor.YIELDED,),
            (Floor.DUCKED, Decision.HOLD): (Floor.HELD,),
            (Floor.DUCKED, Decision.RETURN): (Floor.SPEAKING,),
            (Floor.DUCKED, Decision.YIELD): (Floor.YIELDED,),
            (Floor.HELD, Decision.RETURN): has_floor,
            (Floor.HELD, Decision.YIELD): (Floor.YIELDED,),
        }
        possible = {self.expected}
        for decision in self.person.made:
            possible = {after for floor in possible for after in follows.get((floor, decision), ())}
        self.person.decisions.clear()
        assert self.person.turns.floor in possible
        self.expected = self.person.turns.floor

    @invariant()
    def the_floor_is_where_the_decisions_led(self) -> None:
        assert self.person.turns.floor is self.expected

    @invariant()
    def silence_gives_the_floor_back_within_its_bound(self) -> None:
        if self.silent_for_s > POLICY.verdict_s + 2 * WINDOW_S + 0.1:
            assert self.person.turns.floor not in (Floor.DUCKED, Floor.HELD)


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase
