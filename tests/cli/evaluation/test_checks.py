"""The checks of an answer, and the file that asks for them."""

from pathlib import Path

import pytest

from cli.evaluation.checks import Observed, plain_checks
from cli.evaluation.file import Expected, app_of, read_eval
from cli.evaluation.report import CalledTool
from parley.errors import ConfigurationError

BOTH = (
    CalledTool(name="order_status", arguments={"number": "42", "deep": {"a": 1, "b": 2}}),
    CalledTool(name="refund", arguments={"number": "42"}, outcome="refused"),
)


def verdicts(expected: dict[str, object], **observed: object) -> list[str]:
    checks = plain_checks(Expected.model_validate(expected), Observed(**observed))  # type: ignore[arg-type]
    return [check.status for check in checks]


@pytest.mark.parametrize(
    ("tools", "status"),
    [
        ([{"name": "order_status", "arguments": {"number": "42"}}], ["passed"]),
        (["order_status", "refund"], ["passed", "passed"]),
        (["refund", "order_status"], ["passed", "failed"]),
        (["refund", "refund"], ["passed", "failed"]),
        ([{"name": "order_status", "arguments": {"number": 42}}], ["failed"]),
        ([{"name": "order_status", "arguments": {"deep": {"b": 2}}}], ["passed"]),
        ([{"name": "refund", "outcome": "refused"}], ["passed"]),
        ([{"name": "refund", "outcome": "done"}], ["failed"]),
        ("none", ["failed"]),
    ],
)
def test_tools_are_compared_by_name_order_and_the_arguments_that_are_named(
    tools: object, status: list[str]
) -> None:
    assert verdicts({"tools": tools}, tools=BOTH) == status


def test_none_means_that_no_tool_is_called() -> None:
    assert verdicts({"tools": "none"}) == ["passed"]
    assert verdicts({}, tools=BOTH) == []


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"words": ["shipped"]}, "passed"),
        ({"words": "order 42"}, "passed"),
        ({"words": ["ship"]}, "failed"),
        ({"pattern": "ship(ped|ping)"}, "passed"),
        ({"pattern": "^shipped"}, "failed"),
        ({"not": ["sorry"]}, "passed"),
        ({"not": "shipped."}, "failed"),
    ],
)
def test_what_was_said(said: dict[str, object], status: str) -> None:
    assert verdicts({"said": said}, said="Order  42 has SHIPPED.") == [status]


@pytest.mark.parametrize(
    ("first_s", "status"), [(0.5, "passed"), (1.5, "failed"), (None, "failed")]
)
def test_latency(first_s: float | None, status: str) -> None:
    assert verdicts({"within_s": 1}, first_s=first_s) == [status]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "conversations:\n  - turns:\n      - sya: Hello\n",
            ":3: unknown key 'conversations.0.turns.0.sya'",
        ),
        (
            "conversations:\n  - turns:\n      - within_s: 3\n",
            ":3: conversations.0.turns.0: needs `say`",
        ),
        ("conversations: []\n", ":1: conversations: "),
        ("app: x.py\n", "conversations: Field required"),
        (
            "conversations:\n- turns:\n  - say: x\n    said: {pattern: '('}\n",
            ":4: conversations.0.turns.0.said.pattern: no regular expression",
        ),
        ("conversations: " + "[" * 5000, "nested too deeply"),
        ("conversations: &a [*a]\n", ":1: conversations.0: aliases"),
        ("conversations:\n" + "- turns: []\n" * 30_000, "larger than 256 KiB"),
        ("conversations:\n" + "- turns: []\n" * 300, "more of that kind"),
        (
            f"conversations: [{{turns: [{{file: {'no' * 999}.wav}}]}}]\n",
            "there is no such recording",
        ),
        ("conversations: [{turns: [{file: no.wav}]}]\n", "no.wav: there is no such recording"),
        (
            "conversations:\n- turns:\n  - say: x\n    tools:\n    - arguments: {}\n",
            ":5: conversations.0.turns.0.tools.0.name: Field required",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_named_by_line_and_key(
    tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "eval.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as raised:
        read_eval(file)
    assert str(raised.value).startswith(str(file))
    assert said in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file"):
        read_eval(tmp_path / "x.yaml")


def test_the_app_of_a_file_lies_beside_it_and_that_of_the_command_line_where_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_CALLED_FROM", "/elsewhere")
    file = tmp_path / "eval.yaml"
    file.write_text("app: a.py\nconversations: [{turns: [{say: x}]}]\n", encoding="utf-8")
    content = read_eval(file)
    assert app_of(content, file, "") == f"{tmp_path}/a.py"
    assert app_of(content, file, "b.py:c") == "/elsewhere/b.py:c"
    assert app_of(content, file, "shop") == "shop"
