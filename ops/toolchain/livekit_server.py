"""The LiveKit server: found on PATH, in the cache, as a release, or built from its Go module."""

import logging
import os
import platform
import shutil
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ops.toolchain.programs import (
    ProgramPackage,
    Version,
    cached_folder,
    on_path,
    program_version,
    read_lock,
)
from parley.errors import FetchError, ToolchainError
from parley.fetch import Checksum, download, locked, resumed, run_logged, staged
from parley.fetch.stamp import is_stamped, write_stamp
from parley.progress import StepProgress, silent

_log = logging.getLogger(__name__)

_VERIFIED = ".stamp"
_OLDEST: Version = (1, 8)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Release:
    """A release of the server; `sha256` of its archives by LiveKit's name of the architecture."""

    version: str
    url: str
    module: str
    sha256: Mapping[str, str]


# The sums are those of the release's own checksums.txt.
RELEASE = Release(
    version="1.13.5",
    url="https://github.com/livekit/livekit/releases/download/v{version}/"
    "livekit_{version}_linux_{architecture}.tar.gz",
    module="github.com/livekit/livekit-server/cmd/server@v{version}",
    sha256={
        "amd64": "c020fac437b7cc9b776eef1ad5ea8af77be9acfa07602eca20a3a44930dfbc70",
        "arm64": "332015305518765fe05bad74fc3a9d9583e635e7dd130de3c4fc563d69c550f3",
    },
)

# What the go.mod of RELEASE asks for.
_OLDEST_GO: Version = (1, 26)
GO = ProgramPackage(read_lock("go.lock"), size_bytes=262_000_000)


def find_livekit_server(*, release: Release = RELEASE) -> Path | None:
    """The server's executable on PATH or in the cache; None where it is yet to be fetched."""
    found = on_path("livekit-server", "--version", _OLDEST)
    program = _cached(release)
    return found or (program if _is_whole(program) else None)


def livekit_server_path(*, release: Release = RELEASE) -> Path:
    """Where the executable is, or will be once it has been fetched."""
    return find_livekit_server(release=release) or _cached(release)


def _cached(release: Release) -> Path:
    return cached_folder(f"livekit-server-{release.version}") / "livekit-server"


def _is_whole(program: Path) -> bool:
    """Whether it is as it was when it was put there: one that has lost its end dies later, in a
    call. Where nobody has marked it yet, it is asked for its version."""
    mark = program.with_name(_VERIFIED)
    if not program.exists():
        return False
    if mark.exists():
        return is_stamped(mark, program.name, [program])
    if program_version(program, "--version") is None:
        return False
    with suppress(OSError):  # a cache that cannot be written
        write_stamp(mark, program.name, [program])
    return True


def ensure_livekit_server(
    progress: StepProgress = silent, *, release: Release = RELEASE, go: ProgramPackage = GO
) -> Path:
    """The server's executable, fetched or built first where it has to be (up to minutes).

    Blocks; processes that ask at once share the work. Raises ToolchainError, which says what was
    tried and why each attempt failed.
    """
    found = find_livekit_server(release=release)
    if found is not None:
        return found
    program = _cached(release)
    folder = program.parent
    try:
        with locked(folder):
            if not _is_whole(program):
                with resumed(folder) as begun, staged(folder) as staging:
                    result = staging / "result"
                    result.mkdir()
                    _obtain(release, go, result / program.name, begun, staging, progress)
                    write_stamp(result / _VERIFIED, program.name, [result / program.name])
                    shutil.rmtree(folder, ignore_errors=True)
                    result.rename(folder)
    except FetchError as error:
        raise ToolchainError(f"LiveKit server: {error}") from error
    return program


def _obtain(
    release: Release,
    go: ProgramPackage,
    program: Path,
    begun: Path,
    staging: Path,
    progress: StepProgress,
) -> None:
    try:
        _download(release, program, begun, progress)
    except FetchError as error:
        _log.info("no LiveKit server release to be had, building it: %s", error)
        try:
            _build(release, go, program, staging, progress)
        except FetchError as build_error:
            raise ToolchainError(
                f"LiveKit server {release.version} is not on PATH (≥ "
                f"{_OLDEST[0]}.{_OLDEST[1]}), its release could not be fetched ({error}), and it "
                f"could not be built ({build_error}); put a livekit-server on PATH"
            ) from build_error


def _download(release: Release, program: Path, begun: Path, progress: StepProgress) -> None:
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None or architecture not in release.sha256:
        raise FetchError(f"there is none for {platform.machine()}")
    checksum = Checksum("sha256", release.sha256[architecture])
    archive = begun / f"{checksum.hex}.tar.gz"
    download(
        release.url.format(version=release.version, architecture=architecture),
        archive,
        checksum=checksum,
        label=f"LiveKit server {release.version}",
        progress=progress,
        timeout_s=5.0,
    )
    with tarfile.open(archive) as files:
        member = files.extractfile("livekit-server")
        if member is None:
            raise FetchError("the release's archive holds no livekit-server")
        with program.open("wb") as target:
            shutil.copyfileobj(member, target)
    program.chmod(0o755)
    if program_version(program, "--version") is None:
        raise FetchError("the release does not run on this machine")


def _build(
    release: Release, go: ProgramPackage, program: Path, staging: Path, progress: StepProgress
) -> None:
    """Builds with a Go of its own folders, which go with the staging folder."""
    compiler = on_path("go", "version", _OLDEST_GO)
    if compiler is None:
        compiler = go.ensure(progress=progress) / "go" / "bin" / "go"
    label = f"LiveKit server {release.version}: building it, about two minutes"
    log = staging / "build.log"
    environment = os.environ | {
        "CGO_ENABLED": "0",
        "GOBIN": str(staging / "bin"),
        "GOCACHE": str(staging / "cache"),
        "GOFLAGS": "-modcacherw",  # or the staging folder could not be removed
        # Of the compiler itself: it collects garbage less often.
        "GOGC": "400",
        "GOPATH": str(staging / "path"),
        "GOTOOLCHAIN": "local",
    }
    module = release.module.format(version=release.version)
    status = run_logged(
        # What a debugger would read is not made, where it would only be taken out again (-s -w).
        [
            *(str(compiler), "install", "-trimpath", "-ldflags", "-s -w"),
            *("-gcflags=all=-dwarf=false", module),
        ],
        log=log,
        environment=environment,
        tick=lambda: progress(label, 0, None),
        folder=staging,
    )
    built = staging / "bin" / "server"
    if status != 0 or not built.exists():
        lines = log.read_text(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else "without a word"
        raise FetchError(f"go install {module} ended with status {status}: {reason}")
    if program_version(built, "--version") is None:
        raise FetchError(f"the server built from {module} does not run on this machine")
    built.rename(program)
    progress(label, 1, 1)
