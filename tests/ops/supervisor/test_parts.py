"""Which parts run, with which keys, and with what in their environment."""

from pathlib import Path

import pytest
import yaml

from ops.supervisor.configuration import Configuration, read_configuration
from ops.supervisor.environment import part_environment
from ops.supervisor.keys import LiveKitKeys, check_keys, livekit_keys
from ops.supervisor.parts import local_names, local_parts
from parley.errors import ConfigurationError
from parley.settings import load_orchestrator
from parley.settings.livekit_server import LiveKitServerSettings
from parley.settings.worker import WorkerSettings
from testkit.isolated_config import write_config

SECRET = "s" * 32


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    return write_config(tmp_path / "configs")


def configuration(configs: Path) -> Configuration:
    return read_configuration(configs, configs.parent / "state")


def configured(state_dir: Path, environ: dict[str, str]) -> Configuration:
    """The defaults with the orchestrator's environment."""
    return Configuration(
        config_dir=state_dir,
        state_dir=state_dir,
        orchestrator=load_orchestrator(Path("/none"), environ=environ),
        worker=WorkerSettings(),
        livekit=LiveKitServerSettings(),
    )


def test_by_default_all_six_parts_run_here(configs: Path) -> None:
    assert local_names(configuration(configs)) == (
        "livekit",
        "llm",
        "asr",
        "tts",
        "agent",
        "gateway",
    )


@pytest.mark.parametrize(
    ("variable", "value", "left_out"),
    [
        ("OPENAI_API_KEY", "key", "llm"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1", "llm"),
        ("ASR_ENABLED", "false", "asr"),
        ("LIVEKIT_URL", "wss://livekit.example.org", "livekit"),
        ("LIVEKIT_URL", "ws://127.0.0.1:1", "livekit"),
    ],
)
def test_what_is_elsewhere_or_off_is_not_started(
    configs: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, left_out: str
) -> None:
    monkeypatch.setenv(variable, value)
    names = local_names(configuration(configs))
    assert left_out not in names
    assert len(names) == 5


def test_our_own_model_on_another_machine_is_used_and_not_started(tmp_path: Path) -> None:
    configs = write_config(tmp_path / "configs", orchestrator={"llm": {"local_host": "llm"}})
    found = configuration(configs)
    assert "llm" not in local_names(found)
    assert found.orchestrator.llm_is_local
    assert found.orchestrator.llm_url.startswith("http://llm:")


def test_a_folder_that_is_not_there_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="PARLEY_CONFIG_DIR"):
        read_configuration(tmp_path / "none", tmp_path)


def test_keys_are_made_once_kept_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    here = configured(tmp_path, {})
    assert "first" in check_keys(here)
    keys = livekit_keys(here)
    assert livekit_keys(here) == keys
    assert livekit_keys(configured(tmp_path / "other", {})) != keys
    assert len(keys.api_secret) >= 32
    assert (tmp_path / "keys.env").stat().st_mode & 0o777 == 0o600
    assert keys.api_secret not in repr(keys)
    assert "keys.env" in check_keys(here)


def test_configured_keys_win_over_made_ones(tmp_path: Path) -> None:
    environ = {"LIVEKIT_API_KEY": "mine", "LIVEKIT_API_SECRET": SECRET}
    keys = livekit_keys(configured(tmp_path, environ))
    assert (keys.api_key, keys.api_secret) == ("mine", SECRET)
    assert keys.for_server() == {"LIVEKIT_KEYS": f"mine: {SECRET}"}
    assert not (tmp_path / "keys.env").exists()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LIVEKIT_API_KEY": "mine"}, "LIVEKIT_API_SECRET is not set"),
        ({"LIVEKIT_API_SECRET": SECRET}, "LIVEKIT_API_KEY is not set"),
        ({"LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "hunter2"}, "has 7 characters"),
        ({"LIVEKIT_API_KEY": "k: x", "LIVEKIT_API_SECRET": SECRET}, "one word"),
        ({"LIVEKIT_URL": "wss://livekit.example.org"}, "that Parley does not start: set"),
    ],
)
def test_keys_that_the_server_would_refuse_are_an_error(
    tmp_path: Path, environ: dict[str, str], expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=expected) as error:
        livekit_keys(configured(tmp_path, environ))
    assert "hunter2" not in str(error.value)


def test_a_damaged_file_of_keys_is_an_error_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "keys.env").write_text("LIVEKIT_API_KEY=k\n")
    with pytest.raises(ConfigurationError, match=r"keys\.env has 0 characters"):
        livekit_keys(configured(tmp_path, {}))


def test_tls_on_one_side_alone_is_an_error_before_anything_starts(configs: Path) -> None:
    values = yaml.safe_load((configs / "worker.yaml").read_text())
    values["tls"] = {"ca": "ca.pem", "cert": "worker.pem", "key": "worker-key.pem"}
    (configs / "worker.yaml").write_text(yaml.safe_dump(values))
    keys = LiveKitKeys("key", SECRET)
    with pytest.raises(ConfigurationError, match=r"in worker\.yaml and not in orchestrator\.yaml"):
        local_parts(configuration(configs), keys=keys, livekit_server=None)


def test_a_part_gets_its_own_settings_and_what_its_file_refers_to(tmp_path: Path) -> None:
    file = tmp_path / "worker.yaml"
    file.write_text("tts:\n  host: ${TTS_HOST:-127.0.0.1}\n")
    environ = {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://proxy",
        "no_proxy": "localhost",
        "LC_ALL": "C",
        "TTL_MS": "5",
        "TTS_HOST": "0.0.0.0",
        "CUDA_VISIBLE_DEVICES": "0",
        "GRPC_VERBOSITY": "ERROR",
        "AWS_SECRET_ACCESS_KEY": "x",
        "OPENAI_API_KEY": "x",
        "LIVEKIT_API_SECRET": "x",
        "PYTHONSTARTUP": "x",
        "PARLEY_ANYTHING": "x",
    }
    given = part_environment(
        WorkerSettings, file, state_dir=tmp_path, threads=2, is_worker=True, environ=environ
    )
    kept = {"PATH", "HTTPS_PROXY", "no_proxy", "LC_ALL", "TTL_MS", "TTS_HOST"}
    assert {name for name in environ if name in given} == kept | {
        "CUDA_VISIBLE_DEVICES",
        "GRPC_VERBOSITY",
    }
    assert given["PARLEY_CONFIG_DIR"] == str(tmp_path)
    assert given["OMP_NUM_THREADS"] == "2"


def test_keys_of_providers_go_to_those_who_answer_and_secrets_of_our_own_keys_to_nobody(
    configs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "LLM_PROVIDER": "bedrock",
        "LLM_API_KEY": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "KEYS_SECRET": "a secret of more than thirty-two characters",
        "KEYS_URL": "sqlite:////nowhere/keys.db",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    parts = {
        part.name: given.keys() & part.environment.keys()
        for part in local_parts(
            configuration(configs),
            keys=LiveKitKeys("key", "secret"),
            livekit_server=Path("livekit"),
        )
    }
    answering = {"LLM_PROVIDER", "LLM_API_KEY", "AWS_SECRET_ACCESS_KEY"}
    assert parts.pop("agent") == parts.pop("gateway") == answering
    assert not any(parts.values())
