"""Own rules for who gets the floor: a reader who goes on unless told to stop."""

from parley import Agent, Meaning, Overlap, TurnThresholds

STOP = {"stop", "wait", "enough", "pause"}


class ReadOn:
    """Speech over the voice is a turn only where it says so; everything else is listening."""

    def meaning(self, overlap: Overlap) -> Meaning:
        words = overlap.text.lower().replace(".", " ").replace(",", " ").split()
        if not words:
            return Meaning.NOTHING
        if STOP.intersection(words) or overlap.answers_question or overlap.voiced_s > 2:
            return Meaning.TURN
        return Meaning.BACKCHANNEL


agent = Agent(
    name="reader",
    instructions="You read stories to a child who comments on everything. Tell them at length.",
    greeting="Which story would you like?",
    turn_policy=ReadOn(),
    # What is not named here stays as the settings have it (docs/turn-taking.md).
    thresholds=TurnThresholds(endpointing_min_delay_s=0.6, yield_after_s=2.0),
)
