"""English: the words by which back-channels are told from turns, and stretches are cut.

Ruled on what the Switchboard dialogue-act coders label as back-channels (`b`, `bh`, `bk`),
appreciations (`ba`) and agreements (`aa`; Jurafsky, Shriberg and Biasca, 1997): the utterances that
occur four times or more in the corpus's training part, and with one of these labels in four fifths
of the cases or more. Spelled here as Whisper writes them. docs/turn-taking.md states the accuracy.
"""

import re

from dialogue.text.languages.english.endings import ENDINGS
from dialogue.text.languages.language import (
    Assessments,
    BackchannelWords,
    SegmentWords,
    TurnWords,
)

_PERSONS = "it that they you he she".split()
_VERBS = "is was did do does are have has were".split()

BACKCHANNELS = BackchannelWords(
    one_word=frozenset(
        """
        ah aha alright aw cool eh exactly fine gotcha great ha haha heh hm hmm hmmm huh indeed
        interesting m mhm mhmm mm mmhm mmhmm mmm mmmm nice oh ok okay okey ooh ow right sure totally
        true uh uhhuh uhuh uhum um umhm wow ya yah yea yeah yeap yep yes yup absolutely definitely
        certainly really correct gee golly good goodness gosh jeez neat ugh whoa wonderful yuck
        """.split()
    ),
    phrases=frozenset(
        {
            "all right", "fair enough", "for sure", "go on", "good point", "got it", "i get it",
            "i know", "i see", "no way",
            "i understand", "makes sense", "mm hm", "mm hmm", "m hm", "of course", "oh i see",
            "oh okay", "oh really", "oh yeah", "sounds good", "that makes sense", "that's right",
            "that's true", "uh huh", "very good", "yeah i know", "you know",
            "good for you", "good grief", "how about that", "i agree", "i agree with you", "i bet",
            "i can imagine", "i can understand that", "i don't blame you", "i'll be darned",
            "i'll bet", "is that right", "my god", "my goodness", "my gosh", "my word",
            "no doubt", "no kidding", "oh boy", "oh dear", "oh god", "oh i'm sure", "oh lord",
            "oh man", "oh my", "oh my god", "oh my goodness", "oh my gosh", "oh my word",
            "oh shoot", "there you go", "this is true", "uh oh", "very true", "you bet",
            "you're kidding",
        }
        | {f"oh {verb} {person}" for verb in _VERBS for person in _PERSONS}
        | {f"oh {person} {verb}" for verb in _VERBS for person in _PERSONS}
    ),
    # The judgments: what was said of what was heard three times or more in the corpus, in half of
    # the cases or more as an appreciation or an agreement.
    assessments=Assessments(
        openings=frozenset({"how", "sounds", "that is", "that sounds", "that's", "well"}),
        degrees=frozenset("absolutely exactly just pretty quite real really so very".split()),
        judgments=frozenset(
            """
            amazing awful cool correct cute excellent exciting fantastic fascinating fun funny good
            great hilarious incredible interesting lovely marvelous neat nice right super sweet
            terrible true weird wild wonderful
            """.split()
        ),
    ),
    # As the faint parts of Whisper's training data ended.
    noise=frozenset(
        {
            "bye", "bye bye", "thank you", "thank you very much", "thanks", "thanks for watching",
            "the", "you", "so", "a", "i",
        }
    ),
    answers=frozenset(
        "yes yeah yep yup yea sure ok okay right exactly absolutely definitely".split()
    ),
    asking=frozenset(
        """
        actually because but can could enough excuse hang hello
        hey hold how if listen never no nope not pause
        please quiet sorry stop then wait what when where which who why
        wrong
        """.split()
    ),
    drawn_out=re.compile(r"[aehimnouwy]+"),
    hum=re.compile(r"[hmn]+|(?=.*m)[aehimnouy]+"),
    presence=frozenset(
        {
            "hello", "hi", "hey", "hello there", "hey there", "are you there", "you there",
            "are you still there", "you still there", "still there", "anybody there",
            "anyone there", "is anybody there", "is anyone there", "is somebody there",
            "is someone there", "anybody home", "can you hear me", "do you hear me",
            "can you still hear me", "did you hear me", "you hear me", "can you hear me now",
            "are you listening", "are you with me", "are you still with me", "did i lose you",
            "have i lost you", "did we get cut off", "are we still connected",
            "are you still on the line", "are you on the line",
        }
    ),
    beside_presence=frozenset("um uh well so okay ok yes yeah sorry excuse me please now".split()),
)  # fmt: skip

SEGMENTS = SegmentWords(
    abbreviations=frozenset(
        (
            "dr mr mrs ms prof sgt capt lt col gen sen rep gov rev hon st mt ft fig vol no nos pp "
            "ed eds vs approx est dept assn bros e.g i.e cf al ca sr jr ph.d m.d b.sc m.sc "
            "u.s u.k u.n e.u inc ltd co corp jan feb mar apr jun jul aug sep sept oct nov dec op "
            "rs sq cu figs vols pp p ch sec exp ext tel apt ste rm maj adm esq messrs min max incl"
        ).split()
    ),
    ending_abbreviations=frozenset(("etc", "a.m", "p.m")),
    clinging=frozenset(
        (
            "a an the this that these those my your his her its our their and or but nor than as "
            "if of to in on at by for from with into about over under between through per "
            "very more most so too not no is are was were be been am has have had will would can "
            "could should must may might do does did i you he she it we they i'm it's there "
            "million billion trillion thousand hundred "
            "january february march april june july august september october november december"
        ).split()
    ),
)

TURNS = TurnWords(
    endings=ENDINGS,
    open=frozenset(
        """
        a an the my your his its our their every
        and or but nor because although though unless until while whether if than as
        of to at for from with into between during without against toward towards
        is are was were am be been i'm it's there's he's she's we're they're you're i'd i'll we'll
        let's gonna wanna very really quite
        """.split()
    ),
    hesitations=frozenset("um uh er erm hmm hm mm".split()),
    asking=frozenset(
        "who whom whose what which where when why how who's what's where's when's how's".split()
    ),
    numbers=frozenset(
        """
        zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen
        fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty
        ninety hundred thousand double triple
        """.split()
    ),
    numbered=frozenset(
        """
        number numbers phone telephone mobile cell fax code zip postcode pin account card order
        invoice serial
        """.split()
    ),
    answers=frozenset(
        """
        yes yeah yep yup yea no nope nah sure ok okay right exactly absolutely definitely maybe
        perhaps probably never nothing none neither both either please thanks correct
        """.split()
    ),
)  # fmt: skip
