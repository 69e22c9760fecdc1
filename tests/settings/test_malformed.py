"""A configuration that cannot be used says where and why, and shows no secret."""

from pathlib import Path

import pytest

from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, load_orchestrator, load_worker
from parley.settings.livekit_server import load_livekit_server

SECRET = "hunter2-hunter2-hunter2-hunter2-hunter2"

MALFORMED = {
    "not UTF-8": (b"server:\n  host: caf\xe9\n", ":2: not UTF-8 text"),
    "UTF-16": ("server:\n  port: 1\n".encode("utf-16"), ":1: not UTF-8 text"),
    "a tab": (b"server:\n\tport: 8080\n", ":2: not valid YAML: found character '\\t'"),
    "a control character": (
        b"server:\n  host: a\x07b\n",
        ":2: not valid YAML: the character #x0007",
    ),
    "an open bracket": (b"server: [\n", ":2: not valid YAML"),
    "an open quote": (b'server:\n  host: "abc\n', ":3: not valid YAML"),
    "two documents": (b"server: {}\n---\nserver: {}\n", ":2: not valid YAML"),
    "a binary": (bytes(range(128, 256)), ":1: not UTF-8 text"),
    "deep nesting": (b"[" * 20000, ": not valid YAML: nested too deeply"),
    "a list at the top": (b"- server\n- tts\n", ":1: expected keys and values, found a list"),
    "a word at the top": (b"server\n", ":1: expected keys and values, found a single value"),
    "a key twice": (b"server:\n  port: 1\n  port: 2\n", ":3: key 'port' appears twice"),
    "a section twice": (b"server: {}\ntts: {}\nserver: {}\n", ":3: key 'server' appears twice"),
    "a key that is a list": (b"server:\n  ? [a, b]\n  : 1\n", ":2: a key must be a plain word"),
    "an unknown section": (b"\nsrever:\n  port: 1\n", ":2: unknown key 'srever'"),
    "an unknown key": (b"server:\n  prot: 8080\n", ":2: unknown key 'server.prot'"),
    "a list for a section": (
        b"tts: {}\nserver:\n  - port\n",
        ":2: server: expected keys and values, found a list",
    ),
    "a word for a section": (
        b"server: 8080\n",
        ":1: server: expected keys and values, found a single value",
    ),
    "a section for a value": (b"server:\n  port:\n    http: 1\n", ":2: server.port:"),
    "a word for a number": (b"server:\n  port: eighty\n", ":2: server.port: Input should be"),
    "a port too high": (b"server:\n  port: 80800\n", "less than or equal to 65535, found 80800"),
    "nothing for a number": (b"server:\n  port:\n", ":2: server.port:"),
    "not a number": (b"tts:\n  speed: .nan\n", ":2: tts.speed:"),
    "infinity": (b"turn:\n  endpointing_max_delay_s: .inf\n", "finite number"),
    "a wrong choice": (
        b"asr:\n  discovery: guess\n",
        ":2: asr.discovery: Input should be 'static', 'dns'",
    ),
    "an alias": (b"server: &a {}\ntts: *a\n", ":2: tts: aliases"),
    "an alias of itself": (b"server: &a\n  host: *a\n", ":2: server.host: aliases"),
    "a Python object": (
        b"server:\n  host: !!python/object/apply:os.system ['true']\n",
        ":2: server.host:",
    ),
    "an unknown tag": (
        b"server:\n  host: !secret x\n",
        ":2: server.host: cannot be read as !secret",
    ),
    "a false tag": (b"server:\n  port: !!int many\n", ":2: server.port: cannot be read as int"),
    "an impossible date": (b"server:\n  host: 2026-13-45\n", ":2: server.host: cannot be read"),
    "an unset variable": (
        b"server:\n  host: ${NO_SUCH_HOST}\n",
        ":2: server.host: environment variable NO_SUCH_HOST is not set and has no default",
    ),
    "a nested variable": (b"server:\n  host: ${A:-${B}}\n", ":2: server.host: only ${NAME}"),
    "an unclosed variable": (b"server:\n  host: '${A'\n", ":2: server.host: only ${NAME}"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_file_is_named_with_line_and_reason(tmp_path: Path, name: str) -> None:
    content, expected = MALFORMED[name]
    file = tmp_path / "orchestrator.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as error:
        load_orchestrator(file, environ={})
    assert str(error.value).startswith(f"{file}:")
    assert expected in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        f"livekit:\n  api_secret: [{SECRET}]\n",
        f"livekit:\n  api_secret:\n    value: {SECRET}\n",
        f"livekit: [{SECRET}]\n",
        f"livekit: {SECRET}\n",
        f"livekit:\n  api_secret {SECRET}\n",
        f"livekit:\n  api_secret: !!int {SECRET}\n",
        f"- {SECRET}\n",
        f"livekit:\n  api_secret: {{x: {SECRET}}}\n  api_secret: 1\n",
        f"livekit:\n  api_secret: {SECRET}\n  no_such_key: {SECRET}\n",
    ],
)
def test_no_secret_is_shown(tmp_path: Path, content: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(content)
    with pytest.raises(ConfigurationError) as error:
        load_orchestrator(file, environ={})
    assert "hunter2" not in str(error.value)


def test_a_number_for_a_secret_is_masked(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("llm:\n  api_key: 12345678\n")
    with pytest.raises(ConfigurationError, match=r":2: llm\.api_key: .*found \*+$") as error:
        load_orchestrator(file, environ={})
    assert "1234" not in str(error.value)


def test_settings_that_are_printed_show_no_secret() -> None:
    settings = load_orchestrator(Path("/nowhere"), environ={"LIVEKIT_API_SECRET": SECRET})
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump()}"
    assert settings.livekit.api_secret.get_secret_value() == SECRET


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "worker.yaml"
    file.write_text("tts:\n  slots: 0\n  port: x\nasr:\n  threads: -1\n")
    with pytest.raises(ConfigurationError) as error:
        load_worker(file, environ={})
    lines = str(error.value).splitlines()
    assert sorted(line.split(":")[1] for line in lines) == ["2", "3", "5"]


def test_a_wrong_environment_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^environment variable TTL_MS: tts\.ttl_ms: .*found 'soon'$"
    ):
        load_worker(tmp_path / "worker.yaml", environ={"TTL_MS": "soon"})


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_worker(tmp_path, environ={})


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n", "server:\n", "server: {}\n"])
def test_a_heading_with_nothing_under_it_means_its_defaults(tmp_path: Path, content: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(content)
    assert load_orchestrator(file, environ={}) == OrchestratorSettings()


def test_the_environment_wins_even_over_an_empty_heading(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("tts:\n")
    assert load_orchestrator(file, environ={"DEFAULT_MODEL": "v"}).tts.default_model == "v"


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("server: {port: 1234}\n", encoding="utf-8-sig")
    assert load_orchestrator(file, environ={}).server.port == 1234


@pytest.mark.parametrize("value", ["a: b", "[", "yes", "12345", "x # y", "*alias", "a\nb", "'\""])
def test_what_a_variable_holds_is_text_and_never_yaml(tmp_path: Path, value: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("agent:\n  greeting: ${GREETING}\nsessions:\n  url: ${KEY:-}\n")
    settings = load_orchestrator(file, environ={"GREETING": value, "KEY": value})
    assert settings.agent.greeting == value
    assert settings.sessions.url.get_secret_value() == value


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("OPENAI_BASE_URL", "127.0.0.1:11434/v1"), ("OPENAI_BASE_URL", "localhost:8000")),
        *(
            ("OPENAI_BASE_URL", "ftp://host/v1"),
            ("OPENAI_BASE_URL", "http://"),
            ("JUDGE_BASE_URL", "x"),
        ),
        *(("OPENAI_BASE_URL", "http://[::1"), ("OPENAI_BASE_URL", "http://host:port/v1")),
        *(
            ("OPENAI_API_KEY", "secret\n"),
            ("OPENAI_API_KEY", "secret 🎉"),
            ("JUDGE_API_KEY", "sécret"),
        ),
    ],
)
def test_an_address_or_a_key_that_cannot_be_one_is_named_and_no_key_is_shown(
    tmp_path: Path, variable: str, value: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_orchestrator(tmp_path / "none.yaml", environ={variable: value})
    told = str(caught.value)
    assert variable in told and "\n" not in told
    assert "cret" not in told


def test_a_variable_fills_a_number_and_has_a_default(tmp_path: Path) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text("server:\n  port: ${PORT:-8090}\nasr:\n  enabled: ${HEAR:-false}\n")
    assert load_orchestrator(file, environ={}).server.port == 8090
    settings = load_orchestrator(file, environ={"PORT": "81", "HEAR": "true"})
    assert (settings.server.port, settings.asr.enabled) == (81, True)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("logging: {level: debug}", {"logging": {"level": "debug"}}),
        ("rtc: {use_mdns: true}", {"rtc": {"use_mdns": True}}),
        ("room: {max_participants: 3}", {"room": {"max_participants": 3}}),
        ("turn: {enabled: true, domain: t.example}", {"turn": {"enabled": True}}),
    ],
)
def test_livekits_own_keys_are_passed_on(
    tmp_path: Path, written: str, found: dict[str, dict[str, object]]
) -> None:
    """And what the defaults shut stays shut: the loopback alone, no media over TCP."""
    file = tmp_path / "livekit.yaml"
    file.write_text(f"port: 7000\n{written}\n")
    dumped = load_livekit_server(file, environ={}).model_dump(mode="json")
    assert (dumped["port"], dumped["bind_addresses"]) == (7000, ["127.0.0.1"])
    assert dumped["rtc"]["tcp_port"] == 0
    for section, values in found.items():
        assert values.items() <= dumped[section].items()
