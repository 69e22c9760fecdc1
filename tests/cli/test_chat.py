"""`./run chat`: a script of lines, a program that reads JSON, Ctrl-C, a model that is not there."""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from testkit.commands import Commands
from testkit.fake_llm import (
    FakeLlm,
    ScriptedAnswer,
    ScriptedToolCall,
    by_text,
    in_turn,
    llm_serving,
)
from testkit.isolated_config import free_ports

APP = '''
from parley import Agent, HandOff, hang_up, tool

@tool
def order_status(number: str) -> str:
    """Where an order is."""
    print("looking", number)
    return f"Order {number} has shipped."

@tool(needs_approval=True)
def refund(number: str) -> str:
    """Pays an order back."""
    return "Paid back."

workshop = Agent(name="workshop", instructions="You repair.", greeting="Workshop.")
agent = Agent(name="desk", instructions="You are the desk.", greeting="Hello!",
              tools=[order_status, refund, hang_up],
              handoffs=[HandOff(agent=workshop, when="Repair.")])
'''


@pytest.fixture
async def llm() -> FakeLlm:
    return FakeLlm()


@pytest.fixture
async def chat(tmp_path: Path, llm: FakeLlm) -> AsyncIterator[Commands]:
    (tmp_path / "desk.py").write_text(APP, encoding="utf-8")
    async with llm_serving(llm) as url:
        yield Commands(folder=tmp_path, llm_url=url)


async def test_a_script_is_answered_line_by_line(chat: Commands, llm: FakeLlm) -> None:
    llm.script = by_text(
        {"order": ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})])}
    )
    done = await chat("chat", "--app", "desk.py", typed="Where is order 42?\nThanks.\n")
    assert done.status == 0, done.err
    assert "Hello!\n" in done.out
    assert "you> Where is order 42?\n" in done.out
    assert '→ order_status(number="42")' in done.out
    assert "Order 42 has shipped." in done.out
    assert "\nResult: Order 42 has shipped.\n" in done.out
    assert "\nOf course.\n" in done.out


async def test_json_is_one_object_per_event_and_nothing_else(chat: Commands, llm: FakeLlm) -> None:
    llm.script = by_text(
        {"order": ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})])}
    )
    done = await chat("chat", "--app", "desk.py", "--json", typed="Where is order 42?")
    kinds = [line["type"] for line in done.lines]
    assert kinds[:5] == ["session", "greeting", "person", "tool_started", "tool_finished"]
    assert kinds[-2:] == ["done", "answered"]
    text = "".join(line["text"] for line in done.lines if line["type"] == "text_delta")
    assert text == "Result: Order 42 has shipped."
    finished = done.lines[4]
    assert (finished["name"], finished["outcome"]) == ("order_status", "done")
    assert finished["arguments"] == {"number": "42"}
    assert "looking 42" in done.err


@pytest.mark.parametrize(("flags", "result"), [((), "Refused"), (("--approve",), "Paid back.")])
async def test_approvals_are_refused_where_nobody_can_be_asked(
    chat: Commands, llm: FakeLlm, flags: tuple[str, ...], result: str
) -> None:
    llm.script = by_text(
        {"refund": ScriptedAnswer(calls=[ScriptedToolCall("refund", {"number": "42"})])}
    )
    done = await chat("chat", "--app", "desk.py", "--json", *flags, typed="Refund 42.\n")
    finished = [line for line in done.lines if line["type"] == "tool_finished"]
    assert len(finished) == 1
    assert result in finished[0]["result"]


async def test_the_agent_hangs_up(chat: Commands, llm: FakeLlm) -> None:
    llm.script = by_text({"bye": ScriptedAnswer(calls=[ScriptedToolCall("hang_up")])})
    done = await chat("chat", "--app", "desk.py", "--json", typed="Bye!\nStill there?\n")
    assert done.status == 0
    assert [line["text"] for line in done.lines if line["type"] == "person"] == ["Bye!"]


async def test_an_agent_that_takes_over_answers_in_the_same_turn(
    chat: Commands, llm: FakeLlm
) -> None:
    llm.script = lambda messages: (
        ScriptedAnswer(text="The workshop is here.")
        if "You repair." in str(messages[0]["content"])
        else ScriptedAnswer(calls=[ScriptedToolCall("hand_off_to_workshop")])
    )
    done = await chat("chat", "--app", "desk.py", "--json", typed="My brake squeaks.\n")
    kinds = [line["type"] for line in done.lines]
    assert kinds.count("handoff") == kinds.count("done") == kinds.count("answered") == 1
    text = "".join(line["text"] for line in done.lines if line["type"] == "text_delta")
    assert text == "The workshop is here."


async def test_a_session_goes_on_and_is_greeted_once(chat: Commands, llm: FakeLlm) -> None:
    for line in ("My name is Ada.", "What is my name?"):
        done = await chat("chat", "--app", "desk.py", "--session", "s1", "--json", typed=line)
        assert done.status == 0, done.err
    assert [m["content"] for m in llm.messages if m["role"] == "user"] == [
        "My name is Ada.",
        "What is my name?",
    ]
    assert "greeting" not in [line["type"] for line in done.lines]


async def test_ctrl_c_interrupts_and_what_was_shown_was_heard(chat: Commands, llm: FakeLlm) -> None:
    story = " ".join(f"word{n}" for n in range(400))
    llm.script = in_turn(
        ScriptedAnswer(text=story, word_delay_s=0.05), ScriptedAnswer(text="I stopped.")
    )
    async with chat.running("chat", "--app", "desk.py", "--json") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"Tell me a story.\n")
        async for line in process.stdout:
            if json.loads(line).get("text", "").endswith("word3"):
                break
        process.send_signal(signal.SIGINT)
        async for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "answered":
                assert event["interrupted"]
                break
        process.stdin.write(b"Stop.\n/quit\n")
        assert await process.wait() == 0
    said = [str(m["content"]) for m in llm.messages if m["role"] == "assistant"][-1]
    assert said.startswith("word0 word1 word2 word3")
    assert "word300" not in said


async def test_ctrl_c_at_the_prompt_ends(chat: Commands) -> None:
    async with chat.running("chat", "--app", "desk.py", "--json") as process:
        assert process.stdout is not None
        async for line in process.stdout:
            if json.loads(line)["type"] == "greeting":
                break
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "refuses the key"), (404, "does not exist")],
)
async def test_a_model_that_refuses_ends_with_one_sentence(
    chat: Commands, llm: FakeLlm, status: int, said: str
) -> None:
    llm.script = in_turn(ScriptedAnswer(status=status))
    done = await chat("chat", "--app", "desk.py", typed="Hello\nHello again\n")
    assert done.status == 1
    assert said in done.err
    assert done.err.startswith("parley: The language model ")
    assert done.err.endswith(f": fake at {chat.llm_url}\n") and "none" not in done.err
    assert len(done.err.splitlines()) == 1


async def test_a_model_that_is_not_there_ends_with_one_sentence(tmp_path: Path) -> None:
    chat = Commands(folder=tmp_path, llm_url=f"http://127.0.0.1:{free_ports(1)[0]}/v1")
    done = await chat("chat", "--json", typed="Hello\n")
    assert done.status == 1
    assert "does not answer" in done.err and chat.llm_url in done.err
    assert len(done.err.splitlines()) == 1


async def test_a_wrong_app_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    chat = Commands(folder=tmp_path)
    done = await chat("chat", "--app", "nowhere.py")
    assert (done.status, done.out) == (2, "")
    assert done.err == f"parley: {tmp_path / 'nowhere.py'}: there is no such file\n"
