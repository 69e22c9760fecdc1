"""The documents of a folder, as parts of text under headings."""

import hashlib
import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dialogue.retrieval.html_text import html_title_and_parts
from dialogue.retrieval.retriever import RetrievalError

LARGEST_BYTES = 30_000_000
"""Of a file; larger ones are left out, and the log says so."""
MOST_FILES = 20_000

_log = logging.getLogger(__name__)
_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"\s*(```|~~~)")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")


class DocumentError(RetrievalError):
    """A file that cannot be read as what its name says it is."""


@dataclass(frozen=True)
class DocumentPart:
    """Text under one heading, "" where there is none; of a PDF a page."""

    heading: str
    text: str


@dataclass(frozen=True)
class FolderDocument:
    """A file of the folder; `path` is from there, with slashes."""

    path: str
    title: str
    parts: tuple[DocumentPart, ...]


class DocumentFolder:
    """A folder and what is below it: .md, .markdown, .txt, .html, .htm and .pdf.

    Hidden files and links that lead out of it are not looked at.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hashed: dict[Path, tuple[tuple[int, int], str]] = {}

    def digest(self) -> str:
        """Changes when, and only when, the documents do. Blocks; files that have not changed
        since the last time are not read again. Raises RetrievalError where there is no folder."""
        total = hashlib.sha256()
        hashed: dict[Path, tuple[tuple[int, int], str]] = {}
        for file in self._files():
            try:
                status = file.stat()
                seen = (status.st_size, status.st_mtime_ns)
                known = self._hashed.get(file)
                if known is None or known[0] != seen:
                    with file.open("rb") as stream:
                        known = (seen, hashlib.file_digest(stream, "sha256").hexdigest())
            except OSError:  # it goes as we look
                continue
            hashed[file] = known
            total.update(f"{self._name(file)}\0{known[1]}\n".encode())
        self._hashed = hashed
        return total.hexdigest()

    def documents(self) -> Iterator[FolderDocument]:
        """Reads them one after the other; those that cannot be read are left out, and logged.

        Raises RetrievalError where there is no folder.
        """
        for file in self._files():
            name = self._name(file)
            try:
                yield read_document(file, name)
            except DocumentError as error:
                _log.warning("%s is left out of the index: %s", name, error)

    def _files(self) -> list[Path]:
        root = self._folder.resolve()
        if not root.is_dir():
            raise RetrievalError(f"the folder of documents, {self._folder}, is not there")
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in names:
                file = Path(folder) / name
                known = file.suffix.lower() in _READERS and not name.startswith(".")
                if known and file.is_file() and file.resolve().is_relative_to(root):
                    found.append(file)
        if len(found) > MOST_FILES:
            raise RetrievalError(
                f"{self._folder} holds {len(found):,} documents; at most {MOST_FILES:,} are indexed"
            )
        return sorted(found)

    def _name(self, file: Path) -> str:
        return file.relative_to(self._folder.resolve()).as_posix()


def read_document(file: Path, name: str) -> FolderDocument:
    """The file as a document called `name`. Raises DocumentError."""
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise DocumentError(f"it has more than {LARGEST_BYTES // 1_000_000} MB")
        title, parts = _READERS[file.suffix.lower()](file)
    except OSError as error:
        raise DocumentError(f"it cannot be read: {error.strerror or error}") from None
    return FolderDocument(
        name,
        title or file.stem.replace("-", " ").replace("_", " "),
        tuple(DocumentPart(heading, text) for heading, text in parts if text.strip()),
    )


_TitleAndParts = tuple[str, list[tuple[str, str]]]


def _text(file: Path) -> str:
    data = file.read_bytes()
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DocumentError("it is no text")
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _plain(file: Path) -> _TitleAndParts:
    return "", [("", _text(file))]


def _markdown(file: Path) -> _TitleAndParts:
    lines = _FRONT_MATTER.sub("", _text(file).replace("\r\n", "\n")).split("\n")
    parts: list[tuple[str, list[str]]] = [("", [])]
    title, fence = "", ""
    for line in lines:
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1] == fence:
                fence = ""
            continue
        heading = None if fence else _HEADING.match(line)
        if heading is None:
            parts[-1][1].append(line if fence else _LINK.sub(r"\1", line))
            continue
        name = _LINK.sub(r"\1", heading[1]).replace("`", "").replace("**", "")
        if not title and line.startswith("# "):
            title = name
        parts.append((name, []))
    return title, [(heading, "\n".join(text)) for heading, text in parts]


def _html(file: Path) -> _TitleAndParts:
    return html_title_and_parts(_text(file))


def _pdf(file: Path) -> _TitleAndParts:
    """A part a page. What pypdf meets in broken files may be any error."""
    try:
        from pypdf import PdfReader  # noqa: PLC0415 - an extra: parley[retrieval]
    except ModuleNotFoundError:
        raise DocumentError("PDFs need pypdf: install parley[retrieval]") from None
    try:
        reader = PdfReader(file)
        title = str((reader.metadata and reader.metadata.title) or "")
        pages = [
            (f"page {number}", page.extract_text())
            for number, page in enumerate(reader.pages, start=1)
        ]
    except OSError:
        raise
    except Exception as error:
        raise DocumentError(f"it is no PDF that can be read: {error}") from error
    if not any(text.strip() for _, text in pages):
        raise DocumentError("it has no text; it may be pictures of pages")
    return title, pages


_READERS: dict[str, Callable[[Path], _TitleAndParts]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _plain,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
}
