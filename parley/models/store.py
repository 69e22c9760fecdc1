"""The store: a model's files, fetched and verified once, in a folder all processes share.

Files that were put into a model's folder by hand (a machine without network) count once they
verify.
"""

import importlib.util
import os
import shutil
from pathlib import Path

from parley import paths
from parley.errors import FetchError, ModelError
from parley.fetch import digest, download, install_packages, locked, resumed, staged
from parley.fetch.checksum import BLOCK_BYTES
from parley.fetch.stamp import is_stamped, write_stamp
from parley.models.manifest import (
    FolderSource,
    HubSource,
    ModelFile,
    ModelSpec,
    ModuleSource,
    PackageSource,
    find,
    holder,
    manifest,
)
from parley.progress import StepProgress, silent

# The hub's main branch of July 2026: its tag v1.0.0 lacks the newer voices.
_HUB_PATH = "rhasspy/piper-voices/resolve/1162a9173d0ce503555aed757976b7a9912eae4c"
_VERIFIED = ".stamp"


def ensure(name: str, *, progress: StepProgress | None = None) -> Path:
    """The folder with the model's files, fetched and verified first where it has to be.

    Blocks; processes that ask at once share one fetch. A fetch that is killed or fails leaves
    nothing that counts. Raises ModelError.
    """
    return ensure_spec(find(name), progress=progress)


def ensure_spec(spec: ModelSpec, *, progress: StepProgress | None = None) -> Path:
    """`ensure` for a model that need not be in the manifest."""
    spec = holder(spec)
    if isinstance(spec.source, ModuleSource):
        return _module_folder(spec, spec.source)
    if isinstance(spec.source, FolderSource):
        if not spec.source.folder.is_dir():
            raise ModelError(f"model {spec.name}: its folder {spec.source.folder} is gone")
        return spec.source.folder
    folder = _folder(spec)
    if _is_verified(spec, folder) or _is_verified_here(spec, folder):
        return folder
    damaged = False
    try:
        with locked(folder):
            if not _is_verified(spec, folder) and not _verify(spec, folder):
                damaged = all((folder / file.name).exists() for file in spec.files)
                _fetch(spec, folder, progress or silent)
    except FetchError as error:
        found = f"its files in {folder} are damaged, and " if damaged else ""
        raise ModelError(f"model {spec.name}: {found}{error}{_alternatives(spec)}") from error
    return folder


def cached(name: str) -> Path | None:
    """The folder with the model's files if they are there and verified, else None.

    Raises ModelError for a name that is not known.
    """
    return cached_spec(find(name))


def cached_spec(spec: ModelSpec) -> Path | None:
    """`cached` for a model that need not be in the manifest."""
    spec = holder(spec)
    if not _is_here(spec):
        return None
    if isinstance(spec.source, ModuleSource):
        return _module_folder(spec, spec.source)
    return spec.source.folder if isinstance(spec.source, FolderSource) else _folder(spec)


def _folder(spec: ModelSpec) -> Path:
    return paths.cache_dir() / "models" / spec.name


def _module_folder(spec: ModelSpec, source: ModuleSource) -> Path:
    found = importlib.util.find_spec(source.module)
    if found is None or found.origin is None:
        raise ModelError(
            f"model {spec.name}: the Python module {source.module!r} that holds it is not "
            f"installed: install Parley with its extra {source.module!r}"
        )
    return Path(found.origin).parent


def _is_here(spec: ModelSpec) -> bool:
    if isinstance(spec.source, ModuleSource):
        return importlib.util.find_spec(spec.source.module) is not None
    if isinstance(spec.source, FolderSource):
        return spec.source.folder.is_dir()
    return _is_verified(spec, _folder(spec))


def _stamp(spec: ModelSpec) -> str:
    """What the marker holds: a manifest that says otherwise makes it void."""
    return "".join(f"{file.checksum.hex}  {file.name}\n" for file in spec.files)


def _is_verified(spec: ModelSpec, folder: Path) -> bool:
    files = [folder / file.name for file in spec.files]
    try:  # what keeps them from being read, `locked` explains
        sizes = [file.stat().st_size for file in files]
    except OSError:
        return False
    as_listed = sizes == [file.size_bytes for file in spec.files]
    return as_listed and is_stamped(folder / _VERIFIED, _stamp(spec), files)


def _is_verified_here(spec: ModelSpec, folder: Path) -> bool:
    """A folder that this user cannot write, of an image or an administrator, is no worse for it:
    its files are read every time."""
    return not os.access(folder.parent, os.W_OK) and _are_right(spec, folder)


def _verify(spec: ModelSpec, folder: Path) -> bool:
    """Marks the folder as verified if its files are right."""
    if not _are_right(spec, folder):
        return False
    _mark(spec, folder)
    return True


def _are_right(spec: ModelSpec, folder: Path) -> bool:
    for file in spec.files:
        path = folder / file.name
        if not path.is_file() or path.stat().st_size != file.size_bytes:
            return False
    return all(
        digest(folder / file.name, file.checksum) == file.checksum.hex for file in spec.files
    )


def _mark(spec: ModelSpec, folder: Path) -> None:
    write_stamp(folder / _VERIFIED, _stamp(spec), [folder / file.name for file in spec.files])


def _fetch(spec: ModelSpec, folder: Path, progress: StepProgress) -> None:
    with resumed(folder) as begun, staged(folder) as staging:
        result = staging / "result"
        result.mkdir()
        if isinstance(spec.source, PackageSource):
            _fetch_packages(spec, spec.source, begun, result, progress)
        elif isinstance(spec.source, HubSource):
            _fetch_files(spec, spec.source, begun, result, progress)
        _mark(spec, result)
        if folder.exists():
            shutil.rmtree(folder)
        result.rename(folder)


def _fetch_packages(
    spec: ModelSpec, source: PackageSource, begun: Path, result: Path, progress: StepProgress
) -> None:
    """What the installer keeps for itself, whole packages, stays in `begun` till all are there."""
    site = begun / "site"
    shutil.rmtree(site, ignore_errors=True)
    install_packages(
        source.requirements,
        site,
        label=spec.name,
        size_bytes=spec.size_bytes,
        progress=progress,
        platform=source.platform,
    )
    try:
        for file in spec.files:
            _join(site, file, result)
    except FetchError:  # the next fetch would come by the same
        shutil.rmtree(begun)
        raise


def _fetch_files(
    spec: ModelSpec, source: HubSource, begun: Path, result: Path, progress: StepProgress
) -> None:
    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    arrived = []
    for file in spec.files:
        arriving = begun / f"{file.checksum.hex}-{file.name}"
        download(
            f"{hub.rstrip('/')}/{_HUB_PATH}/{source.folder}/{file.parts[0]}",
            arriving,
            checksum=file.checksum,
            label=f"{spec.name} {file.name}",
            progress=progress,
        )
        arrived.append((arriving, result / file.name))
    for arriving, target in arrived:
        arriving.rename(target)


def _join(site: Path, file: ModelFile, result: Path) -> None:
    """Joins the parts in the folder of packages into a file of `result`, and checks its sum."""
    hasher = file.checksum.hasher()
    with (result / file.name).open("wb") as joined:
        for part in file.parts:
            if not (site / part).is_file():
                raise FetchError(f"the package has no file {part}")
            with (site / part).open("rb") as stream:
                while block := stream.read(BLOCK_BYTES):
                    hasher.update(block)
                    joined.write(block)
            (site / part).unlink()
    file.checksum.check(hasher.hexdigest(), what=file.name)


def _alternatives(spec: ModelSpec) -> str:
    if spec.kind != "voice":
        return ""
    voices = [s for s in manifest().values() if s.kind == "voice"]
    here = [s.name for s in voices if _is_here(holder(s))]
    packaged = [s.name for s in voices if isinstance(s.source, PackageSource)]
    return (
        f". Voices that are here: {', '.join(here) or 'none'}; "
        f"that packages bring: {', '.join(packaged)}"
    )
