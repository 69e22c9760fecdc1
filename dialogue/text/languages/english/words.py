"""English: the words by which back-channels are told from turns, and stretches are cut.

Ruled on the back-channels that the Switchboard dialogue-act coders list (label `b`, Jurafsky,
Shriberg and Biasca, 1997): "uh-huh", "yeah", "right", "okay", "i see" and their kin make up over
nine tenths of it. Spelled here as Whisper writes them. docs/turn-taking.md states the accuracy.
"""

import re

from dialogue.text.languages.language import BackchannelWords, SegmentWords, TurnWords

BACKCHANNELS = BackchannelWords(
    one_word=frozenset(
        """
        ah aha alright aw cool eh exactly fine gotcha great ha haha heh hm hmm hmmm huh indeed
        interesting m mhm mhmm mm mmhm mmhmm mmm mmmm nice oh ok okay okey ooh ow right sure totally
        true uh uhhuh uhuh uhum um umhm wow ya yah yea yeah yeap yep yes yup absolutely definitely
        certainly really
        """.split()
    ),
    phrases=frozenset(
        {
            "all right", "fair enough", "for sure", "go on", "got it", "i know", "i see",
            "i understand", "makes sense", "mm hm", "mm hmm", "m hm", "of course", "oh i see",
            "oh okay", "oh really", "oh yeah", "sounds good", "that makes sense", "that's right",
            "that's true", "uh huh", "very good", "yeah i know", "you know",
        }
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
        actually because but can could enough excuse hang hello hey hold how if listen no nope pause
        please quiet sorry stop then wait what when where which who why
        """.split()
    ),
    drawn_out=re.compile(r"[aehimnouwy]+"),
    hum=re.compile(r"(?=.*m)[aehimnouy]+"),
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
