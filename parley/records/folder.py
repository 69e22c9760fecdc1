"""Records in a folder: one folder each, for their owner alone."""

import shutil
from contextlib import suppress
from pathlib import Path

from parley.private import open_private, private_folder
from parley.records.store import RecordNotFoundError, RecordStoreError, check_file, is_id


class FolderRecords:
    """A RecordStore. The folder need not be there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ids(self) -> list[str]:
        try:
            names = [each.name for each in self.folder.iterdir() if is_id(each.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(self.folder, error) from None
        return sorted(names, reverse=True)

    def sizes(self) -> dict[str, int]:
        return {each: _size(self.folder / each) for each in self.ids()}

    def size(self, record_id: str, file: str) -> int:
        path = self._path(record_id, file)
        try:
            return path.stat().st_size
        except FileNotFoundError:
            raise RecordNotFoundError(f"{record_id} has no {file}") from None
        except OSError as error:
            raise _unreadable(path, error) from None

    def read(self, record_id: str, file: str, start: int = 0, end: int | None = None) -> bytes:
        path = self._path(record_id, file)
        try:
            with path.open("rb") as stream:
                stream.seek(start)
                return stream.read(-1 if end is None else max(0, end - start))
        except FileNotFoundError:
            raise RecordNotFoundError(f"{record_id} has no {file}") from None
        except OSError as error:
            raise _unreadable(path, error) from None

    def put(self, record_id: str, file: str, source: Path) -> None:
        path = self._path(record_id, file)
        try:
            private_folder(path.parent)
            with source.open("rb") as read, open_private(path, append=False) as written:
                shutil.copyfileobj(read, written)
        except OSError as error:
            raise RecordStoreError(f"{path} cannot be written: {error.strerror}") from None

    def delete(self, record_id: str) -> None:
        if not is_id(record_id):
            return
        with suppress(FileNotFoundError):
            try:
                shutil.rmtree(self.folder / record_id)
            except FileNotFoundError:
                raise
            except OSError as error:
                raise RecordStoreError(f"{record_id} cannot be deleted: {error}") from None

    def _path(self, record_id: str, file: str) -> Path:
        check_file(file)
        if not is_id(record_id):
            raise RecordNotFoundError(f"{record_id[:80]!r} is no id of a record")
        return self.folder / record_id / file


def _size(folder: Path) -> int:
    total = 0
    for each in folder.glob("*"):
        with suppress(FileNotFoundError):
            total += each.stat().st_size
    return total


def _unreadable(path: Path, error: OSError) -> RecordStoreError:
    return RecordStoreError(f"{path} cannot be read: {error.strerror}")
