"""What must not be written down is not."""

import pytest

from parley.app.session import PersonSaid, ToolCalled
from parley.errors import ConfigurationError
from parley.records.redaction import BLACKENED, Redaction
from parley.settings import load_orchestrator


def test_mail_addresses_and_numbers_go_from_words_and_from_what_tools_were_given() -> None:
    redaction = Redaction(["emails", "numbers", r"\bProject \w+"])
    said = PersonSaid(
        at_s=0.0,
        turn_id="t",
        text="I am ann.smith@example.org, card 4111 1111-1111 1111, Project Falcon, room 12.",
    )
    line = redaction.line(said)
    assert isinstance(line, PersonSaid)
    assert line.text == f"I am {BLACKENED}, card {BLACKENED}, {BLACKENED}, room 12."
    called = ToolCalled(
        at_s=0.0,
        turn_id="t",
        call_id="c",
        name="pay",
        arguments={"card": 4111111111111111, "to": ["bob@example.org"], "count": 2, "now": True},
        outcome="done",
        result="paid with 4111111111111111",
    )
    line = redaction.line(called)
    assert isinstance(line, ToolCalled)
    assert line.arguments == {"card": BLACKENED, "to": [BLACKENED], "count": 2, "now": True}
    assert line.result == f"paid with {BLACKENED}"


def test_an_expression_that_is_none_is_found_before_any_call(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "orchestrator.yaml"
    file.write_text("record:\n  redact: ['(']\n")
    with pytest.raises(ConfigurationError, match="regular expression"):
        load_orchestrator(file, environ={})
