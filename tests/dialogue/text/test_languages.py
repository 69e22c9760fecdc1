"""Every language is complete, is found by being there, and says when others do not go with it."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.turns.backchannels import Meaning, meaning
from dialogue.text import languages as package
from dialogue.text.languages import Language, check_languages, get, get_or_english, languages
from dialogue.text.spoken import TextSpeaker
from parley.audio import read_audio
from parley.errors import ConfigurationError
from parley.settings.orchestrator import AgentSection

GERMAN = get("de")
OPTIONAL = {
    "abbreviation_endings",
    "asking",
    "cannot_speak_recording",
    "capitalized_nouns",
    "dotted_ordinals",
    "endings",
}


def empty_fields(value: object, name: str) -> Iterator[str]:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.name not in OPTIONAL:
                yield from empty_fields(getattr(value, field.name), f"{name}.{field.name}")
    elif isinstance(value, tuple | list):
        yield from () if value else (name,)
        for each in value:
            yield from empty_fields(each, name)
    elif not value or (isinstance(value, str) and value != value.strip()):
        yield name


@pytest.mark.parametrize("language", languages().values(), ids=lambda each: each.code)
def test_a_language_is_complete(language: Language) -> None:
    assert list(empty_fields(language, language.code)) == []


@pytest.mark.parametrize("language", languages().values(), ids=lambda each: each.code)
def test_the_words_of_a_language_are_written_as_they_are_looked_up(language: Language) -> None:
    for field in dataclasses.fields(language.backchannels):
        words = getattr(language.backchannels, field.name)
        if isinstance(words, frozenset):
            assert [word for word in words if word != word.lower() or "-" in word] == []
    segments = language.segments
    words = segments.abbreviations | segments.ending_abbreviations | segments.clinging
    assert [word for word in words if word != word.casefold() or word.endswith(".")] == []


@pytest.mark.parametrize("language", languages().values(), ids=lambda each: each.code)
def test_what_the_agent_says_of_itself_needs_no_rules_to_be_spoken(language: Language) -> None:
    phrases = language.phrases
    said = [text for _, text in phrases.slow_model]
    said += [*phrases.slow_tool, *phrases.still_there, phrases.apology, phrases.tool_failed]
    said += [
        phrases.cannot_hear,
        phrases.hears_again,
        phrases.closing,
        phrases.resumed,
        phrases.handed_off,
    ]
    assert [TextSpeaker(language).speak(text).text for text in said] == said


@pytest.mark.parametrize("language", languages().values(), ids=lambda each: each.code)
def test_the_waits_of_a_slow_model_are_seconds(language: Language) -> None:
    assert all(0 < wait_s < 30 for wait_s, _ in language.phrases.slow_model)


@pytest.mark.parametrize("language", languages().values(), ids=lambda each: each.code)
def test_a_recording_of_a_language_can_be_played(language: Language) -> None:
    if language.cannot_speak_recording is not None:
        audio = read_audio(language.cannot_speak_recording)
        assert 1.0 < len(audio.samples) / audio.sample_rate_hz < 10.0


@pytest.mark.parametrize(
    ("code", "found"),
    [("de", "de"), ("de-DE", "de"), ("de_AT", "de"), ("DE", "de"), ("en-GB", "en")],
)
def test_a_language_is_got_by_its_code(code: str, found: str) -> None:
    assert get(code).code == found


def test_an_unknown_language_names_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match=r"'xx'; there are .*en \(English\).*de \(German\)"
    ):
        get("xx")


def test_a_call_in_an_unknown_language_goes_on_in_english() -> None:
    assert get_or_english("xx").code == "en"
    assert get_or_english("de-CH").code == "de"


TINY = '''
"""Esperanto, as far as a test needs it."""
from dataclasses import replace
from dialogue.text.languages.english import LANGUAGE as ENGLISH
LANGUAGE = replace(ENGLISH, code="eo", name="Esperanto", own_name="Esperanto", greeting="Saluton!")
'''


@pytest.fixture
def tiny_language(tmp_path: Path) -> Iterator[Path]:
    """A folder that counts as part of the package."""
    (tmp_path / "esperanto.py").write_text(TINY, encoding="utf-8")
    package.__path__.append(str(tmp_path))
    yield tmp_path
    package.__path__.remove(str(tmp_path))
    for name in ("esperanto", "again"):
        sys.modules.pop(f"{package.__name__}.{name}", None)


@pytest.mark.usefixtures("tiny_language")
def test_a_module_in_the_folder_is_a_language() -> None:
    assert get("eo").greeting == "Saluton!"
    assert check_languages("eo", "eo", ["eo"]) == []


def test_two_modules_of_one_language_are_refused(tiny_language: Path) -> None:
    (tiny_language / "again.py").write_text(TINY, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="code 'eo'"):
        get("eo")


def test_english_says_what_the_settings_say() -> None:
    settings = AgentSection()
    assert get("en").instructions_for(settings.instructions) == settings.instructions
    assert get("en").greeting_for(settings.greeting) == settings.greeting


def test_another_language_speaks_for_itself_unless_the_settings_were_changed() -> None:
    settings = AgentSection()
    assert GERMAN.instructions_for(settings.instructions) == GERMAN.instructions
    assert GERMAN.greeting_for(settings.greeting) == GERMAN.greeting
    assert GERMAN.instructions_for("You sell tea.") == "You sell tea."
    assert GERMAN.greeting_for("") == ""


@pytest.mark.parametrize(
    "text",
    ["Mhm.", "Hm-hm.", "Ja.", "Ja, ja.", "Genau.", "Okay.", "Ach so.", "Achso, ja.", "Stimmt.",
     "Alles klar.", "Ja, genau.", "Verstehe.", "Ich verstehe.", "Na klar.", "Aha.", "Sehr gut.",
     "Das stimmt.", "Echt?", "Natürlich."],
)  # fmt: skip
def test_a_german_back_channel_leaves_the_floor_to_the_agent(text: str) -> None:
    assert meaning(text, language=GERMAN) is Meaning.BACKCHANNEL


@pytest.mark.parametrize(
    "text",
    ["Warte.", "Moment mal.", "Nein, das stimmt nicht.", "Nein.", "Stopp!", "Halt.", "Wie bitte?",
     "Ja, aber was kostet das?", "Genau das meine ich nicht.", "Können Sie das wiederholen?",
     "Okay, stopp.", "Einen Moment.", "Doch.", "Was?", "Das reicht."],
)  # fmt: skip
def test_german_words_that_want_the_floor_get_it(text: str) -> None:
    assert meaning(text, language=GERMAN) is Meaning.TURN


@pytest.mark.parametrize("text", ["Warte", "Nein", "Moment mal"])
def test_german_words_that_ask_for_the_floor_need_little_confidence(text: str) -> None:
    assert meaning(text, confidence=0.28, voiced_s=0.2, language=GERMAN) is Meaning.TURN


@pytest.mark.parametrize(
    "text", ["Vielen Dank.", "Untertitel der Amara.org-Community", "Untertitelung des ZDF, 2020"]
)
def test_what_recognition_makes_of_a_noise_in_german_is_nothing(text: str) -> None:
    assert meaning(text, confidence=0.4, voiced_s=0.3, language=GERMAN) is Meaning.NOTHING


@pytest.mark.parametrize("text", ["Ja.", "Ja, gerne.", "Genau.", "Doch."])
def test_a_german_answer_to_a_question_is_a_turn(text: str) -> None:
    assert meaning(text, answers_question=True, language=GERMAN) is Meaning.TURN


def test_a_drawn_out_german_ja_is_a_murmur_however_unclear() -> None:
    assert meaning("Jaa.", confidence=0.15, voiced_s=1.5, language=GERMAN) is Meaning.BACKCHANNEL


def test_languages_that_agree_are_not_mentioned() -> None:
    assert check_languages("en", None, ["en-US"]) == []
    assert check_languages("de", "de-DE", ["de_DE", "en"]) == []
    assert check_languages("de", None, []) == []
    assert check_languages("", "de", []) == []  # nobody listens


def test_an_agent_whose_recognition_listens_for_another_language_says_so() -> None:
    assert check_languages("en", "de", ["de"]) == [
        "The agent speaks German, but recognition listens for English: set asr.language to 'de', "
        "or the agent's language to 'en'."
    ]


def test_a_voice_of_another_language_is_told() -> None:
    assert check_languages("de", None, ["en_US", "en_GB"]) == [
        "The agent speaks German, but its voice speaks English: choose another voice."
    ]


def test_a_language_that_nobody_wrote_is_told() -> None:
    told = check_languages("fi", "fi", ["fi"])
    assert len(told) == 1
    assert "'fi'" in told[0]
    assert "docs/languages.md" in told[0]
