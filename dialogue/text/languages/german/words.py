"""German: the words by which back-channels are told from turns, and stretches are cut.

The back-channels are the "Hörersignale" that the transcription system GAT 2 (Selting and others,
2009) and the Duden grammar's chapter on spoken German list: hm, mhm, ja, genau, ach so, okay.
"""

import re

from dialogue.text.languages.language import (
    Assessments,
    BackchannelWords,
    SegmentWords,
    TurnWords,
)

BACKCHANNELS = BackchannelWords(
    one_word=frozenset(
        """
        ach achso ah aha ähm äh ähä eben echt freilich genau gewiss gut ha haha hä hm hmm hmmm
        interessant ja jaa jaja jap jawohl jep jo joa jup klar krass logisch m mhm mhmm mm mmh mmhm
        mmm na natürlich oh oha ok okay okey öhm prima richtig schön sicher sicherlich stimmt super
        toll tja uff uh uhu verstehe verstanden wahnsinn wirklich wow wunderbar
        """.split()
    ),
    phrases=frozenset(
        {
            "ach ja", "ach so", "ach was", "aha okay", "alles klar", "auf jeden fall", "das stimmt",
            "eben ja", "ganz genau", "ganz richtig", "geht klar", "gut so", "hm hm", "ich verstehe",
            "ich weiß", "ist klar", "ja eben", "ja genau", "ja gut", "ja klar", "ja stimmt",
            "ja ja", "kann sein", "klar doch", "m hm", "mach nur", "mm hm", "na dann", "na gut",
            "na ja", "na klar", "schon klar", "sehr gut", "sehr schön", "so ist es", "so so",
            "weiß ich", "ah ja", "oh ja", "ja doch", "ja sicher", "nicht schlecht",
        }
    ),
    assessments=Assessments(
        openings=frozenset(
            {"das ist", "das klingt", "das wär", "das wäre", "ist", "klingt", "wie"}
        ),
        degrees=frozenset("aber doch echt ganz ja richtig sehr so total wirklich".split()),
        judgments=frozenset(
            """
            blöd fantastisch furchtbar großartig gut interessant klasse komisch krass lustig nett
            prima richtig schade schlimm schön schrecklich spannend super toll traurig wahr witzig
            wunderbar
            """.split()
        ),
    ),
    # As the faint parts of Whisper's training data ended.
    noise=frozenset(
        {
            "tschüss", "danke", "danke schön", "dankeschön", "vielen dank", "das war's", "bis dann",
            "vielen dank fürs zuschauen", "bis zum nächsten mal", "untertitelung des zdf 2020",
            "untertitel im auftrag des zdf für funk 2017", "untertitel der amara org community",
            "untertitel von stephanie geiges", "copyright wdr 2021", "und", "so", "die", "der",
            "das", "ich", "you",
        }
    ),
    answers=frozenset(
        """
        ja jaa jap jawohl jep jo joa jup klar sicher gerne gern ok okay genau richtig stimmt
        natürlich freilich doch absolut bestimmt gut
        """.split()
    ),
    asking=frozenset(
        """
        aber also anders augenblick bitte denn doch eigentlich entschuldigung entschuldigen falls
        falsch halt hallo hey hören kann können könnten könntest leise mal moment momentchen nee
        nein nicht nö oder pardon pause quatsch ruhe ruhig schluss sekunde stopp stop still trotzdem
        und verzeihung wann warte warten warum was weil welche welcher welches wem wen wenn wer
        weshalb wie wieso wieviel wo wofür woher wohin wozu zurück
        """.split()
    ),
    drawn_out=re.compile(r"[aeähijmnoöuüw]+"),
    hum=re.compile(r"[hmn]+|(?=.*m)[aeähimnoöuü]+"),
    presence=frozenset(
        {
            "hallo", "hey", "sind sie da", "sind sie noch da", "bist du da", "bist du noch da",
            "noch da", "ist da jemand", "ist da noch jemand", "ist jemand da",
            "ist noch jemand da", "jemand da", "hören sie mich", "hören sie mich noch",
            "hörst du mich", "hörst du mich noch", "können sie mich hören",
            "können sie mich noch hören", "kannst du mich hören", "kannst du mich noch hören",
            "sind sie noch dran", "bist du noch dran", "noch dran", "hören sie zu", "hörst du zu",
        }
    ),
    beside_presence=frozenset("äh ähm also ja nun so okay ok entschuldigung bitte jetzt".split()),
)  # fmt: skip

SEGMENTS = SegmentWords(
    abbreviations=frozenset(
        (
            "a b d h i m n o r s t u v z ä abb abs abschn allg art aufl bd bes best bsp bspw bzgl "
            "bzw ca co dipl dr einschl engl entspr ev evtl exkl fa ff fr frl geb gem ges ggf ggü "
            "hl hr hrsg ing inkl insb insbes jh jhd jr kap kath lt max mind min mio mrd mwst nachm "
            "nr o.g od offz phil pos prof rd red s.o s.u sen sog st std str tägl tel tgl tsd u.a "
            "u.ä usf v.a v.chr n.chr verh vgl vorm z.b z.t z.zt d.h i.d.r zool zzgl abzgl zz zzt "
            "jan feb mär apr jun jul aug sept sep okt nov dez mo di mi do fr sa"
        ).split()
    ),
    ending_abbreviations=frozenset(("usw", "etc", "usf", "u.a.m")),
    clinging=frozenset(
        (
            "ein eine einen einem einer eines der die das den dem des dieser diese dieses diesen "
            "diesem mein meine meinen meinem meiner dein deine ihr ihre ihren ihrem ihrer sein "
            "seine seinen seinem seiner unser unsere kein keine keinen keinem und oder aber denn "
            "als wenn weil dass ob damit in im an am auf aus bei beim mit nach von vom vor zu zum "
            "zur für durch gegen ohne um über unter zwischen seit bis pro ins ans sehr mehr so zu "
            "nicht ist sind war waren wird werden wurde hat haben hatte kann können könnte muss "
            "müssen soll sollte darf will wollen möchte ich du er sie es wir man januar februar "
            "märz april mai juni juli august september oktober november dezember"
        ).split()
    ),
    abbreviation_endings=("str",),
    capitalized_nouns=True,
    dotted_ordinals=True,
)

TURNS = TurnWords(
    open=frozenset(
        """
        der den dem des ein eine einen einem einer eines mein meine meinen dein deine sein
        seine ihr ihre unser unsere kein keine keinen jeder jede jedes
        und oder aber denn sondern weil dass ob wenn als obwohl damit bevor nachdem während sobald
        falls wie
        von zum zur im am bei beim für zwischen pro ohne gegen wegen
        bin sehr ganz
        """.split()
    ),
    hesitations=frozenset("äh ähm öh öhm hm hmm mm".split()),
    numbers=frozenset(
        """
        null eins zwei zwo drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig
        vierzig fünfzig sechzig siebzig achtzig neunzig hundert tausend
        """.split()
    ),
    numbered=frozenset(
        """
        nummer telefonnummer handynummer rufnummer kontonummer kundennummer bestellnummer
        postleitzahl pin code
        """.split()
    ),
    answers=frozenset(
        """
        ja jap jo klar nein nö nee nicht okay ok genau richtig stimmt gerne gern vielleicht
        wahrscheinlich nie nichts keins beide beides bitte danke natürlich doch
        """.split()
    ),
)  # fmt: skip
