"""German: what is written becomes what is said, and a stretch ends where a German one ends.

The right values follow Duden (spelling of numbers, dates and abbreviations), DIN 5008 (how dates,
times, amounts and telephone numbers are written) and how the news reads them out.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogue.text.languages import get
from dialogue.text.segmenter import ClauseSegmenter, ends_sentence
from dialogue.text.spoken import TextSpeaker

GERMAN = get("de")


def said(text: str) -> str:
    return TextSpeaker(GERMAN).speak(text).text


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        # numbers
        ("42", "zweiundvierzig"),
        ("Ich habe 1 gesehen.", "Ich habe eins gesehen."),
        ("101", "einhunderteins"),
        ("1.234.567 Menschen", "eine Million zweihundertvierunddreißigtausendfünfhundert"
                               "siebenundsechzig Menschen"),
        ("10\u202f000 Einwohner", "zehntausend Einwohner"),
        ("3,14", "drei Komma eins vier"),
        ("0,5", "null Komma fünf"),
        ("1.234,5", "eintausendzweihundertvierunddreißig Komma fünf"),
        ("-5 Grad", "minus fünf Grad"),
        ("Agent 007", "Agent null null sieben"),
        ("Version 1.8.9", "Version eins Punkt acht Punkt neun"),
        ("Python 3.11", "Python drei Punkt elf"),
        ("1/2 oder 3/4", "ein halb oder drei Viertel"),
        ("1/3 und 2/20", "ein Drittel und zwei Zwanzigstel"),
        ("2½ Tassen", "zweieinhalb Tassen"),
        ("¾ Liter", "drei Viertel Liter"),
        ("Seiten 10-20", "Seiten zehn bis zwanzig"),
        ("3 + 4 = 7", "drei plus vier gleich sieben"),
        ("3 x 4", "drei mal vier"),
        ("Es steht 3:2.", "Es steht drei zu zwei."),
        ("Ich habe 4.", "Ich habe vier."),
        ("1 Woche", "eine Woche"),
        ("1 Tag", "ein Tag"),
        ("1 Nachricht", "eine Nachricht"),
        ("1 Reservierung", "eine Reservierung"),
        ("für 1 Person", "für eine Person"),
        ("1 neue Nachricht", "eine neue Nachricht"),
        ("1 neuer Termin", "ein neuer Termin"),
        ("1 oder 2", "eins oder zwei"),
        ("eine 50%ige Chance", "eine fünfzigprozentige Chance"),
        ("DE89 3704 0044 0532 0130 00", "D E acht neun, drei sieben null vier, null null "
                                        "vier vier, null fünf drei zwei, null eins "
                                        "drei null, null null"),
        ("Gleis 1 Richtung Bonn", "Gleis eins Richtung Bonn"),
        ("3x täglich", "dreimal täglich"),
        ("3-mal", "dreimal"),
        ("ein 10-jähriges Kind", "ein zehnjähriges Kind"),
        ("2-fach", "zweifach"),
        ("mp3 und B2B", "mp3 und B2B"),
        # ordinals
        ("im 3. Stock", "im dritten Stock"),
        ("der 3. Versuch", "der dritte Versuch"),
        ("in der 5. Klasse", "in der fünften Klasse"),
        ("die 1. und die 2. Etage", "die erste und die zweite Etage"),
        ("zum 50. Geburtstag", "zum fünfzigsten Geburtstag"),
        ("mein 1. Versuch", "mein erster Versuch"),
        ("ein 2. Mal", "ein zweites Mal"),
        ("das 21. Jahrhundert", "das einundzwanzigste Jahrhundert"),
        # years
        ("1999", "neunzehnhundertneunundneunzig"),
        ("seit 2005", "seit zweitausendfünf"),
        ("im Jahr 2026", "im Jahr zweitausendsechsundzwanzig"),
        ("2020–2024", "zweitausendzwanzig bis zweitausendvierundzwanzig"),
        ("die 90er-Jahre", "die neunziger Jahre"),
        ("in den 1920er Jahren", "in den neunzehnhundertzwanziger Jahren"),
        # dates
        ("am 3.10.2026", "am dritten Oktober zweitausendsechsundzwanzig"),
        ("am 03.10.2026.", "am dritten Oktober zweitausendsechsundzwanzig."),
        ("3.10.2026", "dritter Oktober zweitausendsechsundzwanzig"),
        ("vom 1.1. bis 31.12.", "vom ersten Januar bis einunddreißigsten Dezember."),
        ("am 3. Oktober", "am dritten Oktober"),
        ("Heute ist der 3. Oktober 1990.", "Heute ist der dritte Oktober neunzehnhundertneunzig."),
        ("Freitag, 3. Oktober", "Freitag, dritter Oktober"),
        ("3. Oktober ist Feiertag", "dritter Oktober ist Feiertag"),
        ("der 24. Dez. ist frei", "der vierundzwanzigste Dezember ist frei"),
        ("am 2026-10-03", "am dritten Oktober zweitausendsechsundzwanzig"),
        ("am 1. und 2. Mai", "am ersten und zweiten Mai"),
        ("am Mi., 3.12., um neun", "am Mittwoch, dritter Dezember, um neun"),
        ("am 7.5.98", "am siebten Mai achtundneunzig"),
        ("Mo.–Fr.", "Montag bis Freitag"),
        # times
        ("14:30 Uhr", "vierzehn Uhr dreißig"),
        ("um 14.30 Uhr", "um vierzehn Uhr dreißig"),
        ("um 8:05", "um acht Uhr fünf"),
        ("8:00 Uhr", "acht Uhr"),
        ("um 1 Uhr", "um ein Uhr"),
        ("0:15 Uhr", "null Uhr fünfzehn"),
        ("21 Uhr", "einundzwanzig Uhr"),
        ("9–17 Uhr", "neun bis siebzehn Uhr"),
        ("von 8:00 bis 9:30 Uhr", "von acht Uhr bis neun Uhr dreißig"),
        # money
        ("5 €", "fünf Euro"),
        ("1 €", "ein Euro"),
        ("1 Euro", "ein Euro"),
        ("1.234,56 €", "eintausendzweihundertvierunddreißig Euro sechsundfünfzig"),
        ("12,50 Euro", "zwölf Euro fünfzig"),
        ("0,99 €", "neunundneunzig Cent"),
        ("0,01 €", "ein Cent"),
        ("2,05 €", "zwei Euro und fünf Cent"),
        ("3,00 €", "drei Euro"),
        ("12,- €", "zwölf Euro"),
        ("-5 €", "minus fünf Euro"),
        ("EUR 20", "zwanzig Euro"),
        ("CHF 20", "zwanzig Franken"),
        ("$5", "fünf Dollar"),
        ("1,2 Mio. €", "eins Komma zwei Millionen Euro"),
        ("1 Mrd. Euro", "eine Milliarde Euro"),
        ("3 Mio. Menschen", "drei Millionen Menschen"),
        ("50 ct", "fünfzig Cent"),
        ("9 €/Monat", "neun Euro pro Monat"),
        ("200 EUR/Jahr", "zweihundert Euro pro Jahr"),
        ("5–10 €", "fünf bis zehn Euro"),
        # per cent and units
        ("3,5 %", "drei Komma fünf Prozent"),
        ("1 %", "ein Prozent"),
        ("50 km/h", "fünfzig Kilometer pro Stunde"),
        ("1 kg und 10kg", "ein Kilogramm und zehn Kilogramm"),
        ("bei –5 °C", "bei minus fünf Grad Celsius"),
        ("20 m²", "zwanzig Quadratmeter"),
        ("1 Std. und 5 Min.", "eine Stunde und fünf Minuten"),
        ("2 kWh", "zwei Kilowattstunden"),
        ("1 t", "eine Tonne"),
        # abbreviations
        ("z. B. Äpfel", "zum Beispiel Äpfel"),
        ("z.B. Äpfel", "zum Beispiel Äpfel"),
        ("d. h. morgen", "das heißt morgen"),
        ("Äpfel, Birnen usw.", "Äpfel, Birnen und so weiter."),
        ("Prof. Dr. Weiß", "Professor Doktor Weiß"),
        ("Hr. Müller bzw. Fr. Maier", "Herr Müller beziehungsweise Frau Maier"),
        ("Nr. 7", "Nummer sieben"),
        ("ca. 5 Min.", "circa fünf Minuten"),
        ("Hauptstr. 5", "Hauptstraße fünf"),
        ("Hauptstraße 5, 10115 Berlin", "Hauptstraße fünf, eins null eins eins fünf Berlin"),
        ("St. Gallen", "Sankt Gallen"),
        ("§ 5 Abs. 2", "Paragraf fünf Absatz zwei"),
        ("44 v. Chr.", "vierundvierzig vor Christus."),
        ("inkl. MwSt.", "inklusive Mehrwertsteuer."),
        # addresses
        ("030 1234567", "null drei null, eins zwei drei vier fünf sechs sieben"),
        ("+49 30 123456", "plus vier neun, drei null, eins zwei drei vier fünf sechs"),
        ("https://www.example.de/hilfe", "example Punkt de Schrägstrich hilfe"),
        ("eva.lang@example.de", "eva Punkt lang ät example Punkt de"),
        # markup and signs
        ("**Fett** und *schräg*", "Fett und schräg"),
        ("1. Äpfel", "eins, Äpfel"),
        ("Salz &amp; Pfeffer", "Salz und Pfeffer"),
        ("Brot & Butter", "Brot und Butter"),
        ("ja — nein – vielleicht", "ja, nein, vielleicht"),
        ("und/oder", "und oder"),
        ("~5 Äpfel", "ungefähr fünf Äpfel"),
        ("„Gut“, sagte er.", "Gut, sagte er."),
        ("```python\nprint(1)\n```", "der Code steht im Protokoll."),
        # as it stands
        ("Grüß Gott, schöne Straße!", "Grüß Gott, schöne Straße!"),
        ("", ""),
    ],
)  # fmt: skip
def test_is_said(written: str, spoken: str) -> None:
    assert said(written) == spoken


@given(st.text(max_size=300))
def test_any_text_can_be_said(text: str) -> None:
    spoken = TextSpeaker(GERMAN).speak(text)
    assert all(0 <= word.start < word.end <= len(text) for word in spoken.words)


@pytest.mark.parametrize(
    "bomb", ["a", "1", "1.", "1,", "1.1.", "0", "am 1.", "z.", "€", "1 €", "Mo", "Mo-", "- ", "d. "]
)
def test_a_stretch_of_anything_can_be_said(bomb: str) -> None:
    assert isinstance(said(bomb * 400), str)


@given(st.integers(0, 10**12))
def test_every_number_becomes_words(number: int) -> None:
    dotted = f"{number:,}".replace(",", ".")
    for written in (str(number), dotted, f"{dotted} €", f"{number} %", f"{dotted},75 €"):
        assert not any(character.isdigit() for character in said(written))


def stretches(text: str, first_flush_words: int = 6) -> list[str]:
    segmenter = ClauseSegmenter(first_flush_words, GERMAN)
    parts = [part for token in re.findall(r"\s?\S{1,5}|\s", text) for part in segmenter.push(token)]
    return [*parts, *segmenter.finish()]


@pytest.mark.parametrize(
    "kept",
    ["3. Oktober", "z. B. Äpfel", "d. h. morgen", "Dr. Weiß", "Nr. 5", "1.234,56 €", "14.30 Uhr",
     "3.10.2026", "ca. fünf", "bzw. Birnen", "im 3. Stock", "usw. und", "Hauptstr. 5",
     "§ 5 Abs. 2"],
)  # fmt: skip
def test_what_belongs_together_is_not_cut_after_its_stop(kept: str) -> None:
    text = f"Wir wissen es ganz genau dass {kept} bleibt hier ganz, wie es sich gehört."
    assert any(kept in part for part in stretches(text, 5)), stretches(text, 5)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Wirklich? Ja! Das ist so.", ["Wirklich? ", "Ja! ", "Das ist so."]),
        ("„Geh.“ Sie ging.", ["„Geh.“ ", "Sie ging."]),
        ("Das war 2024. Danach kam er.", ["Das war 2024. ", "Danach kam er."]),
        ("Äpfel, Birnen usw. Danach nichts.", ["Äpfel, Birnen usw. ", "Danach nichts."]),
    ],
)
def test_sentences_end_where_they_end(text: str, sentences: list[str]) -> None:
    assert stretches(text) == sentences


def test_first_stretch_does_not_end_in_a_word_that_belongs_to_the_next() -> None:
    assert stretches("Die Hauptstadt von Frankreich ist Paris.", 3)[0] == "Die Hauptstadt "


def test_a_dotted_number_ends_a_sentence_in_english_alone() -> None:
    assert ends_sentence("It costs 5.")
    assert not ends_sentence("Das ist am 5.", GERMAN)
