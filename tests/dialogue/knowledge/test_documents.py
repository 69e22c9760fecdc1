"""Documents as parts of text under headings, and what is left out of the index."""

import logging
from itertools import pairwise
from pathlib import Path

import pytest

from dialogue.retrieval.cutting import LONGEST_WORDS, cut
from dialogue.retrieval.documents import (
    DocumentError,
    DocumentFolder,
    DocumentPart,
    FolderDocument,
    read_document,
)
from dialogue.retrieval.retriever import RetrievalError


def read(folder: Path, name: str, content: str | bytes) -> FolderDocument:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_document(file, name)


def test_markdown_by_headings_without_what_is_only_for_the_screen(tmp_path: Path) -> None:
    text = (
        "---\ntags: x\n---\nIntro.\n\n# Our shop\nWelcome, see [the map](map.png).\n"
        "## Returns `now`\n```\n# no heading\n```\n~~~\nx\n~~~\n"
    )
    document = read(tmp_path, "shop.md", text)
    assert document.title == "Our shop"
    assert [(part.heading, part.text.strip()) for part in document.parts] == [
        ("", "Intro."),
        ("Our shop", "Welcome, see the map."),
        ("Returns now", "# no heading\nx"),
    ]


def test_html_by_headings_without_scripts_and_navigation(tmp_path: Path) -> None:
    page = (
        "<title>Our <b>shop</b></title><nav>Home <ul><li>x</ul></nav><p>Hello&nbsp;there<br>you"
        "<script>var a = '<p>no</p>'</script><h2>Re<i>turns</i></h2><p>Thirty days."
        "<table><tr><td>a<td>b</table><svg><text>no</svg> End"
    )
    document = read(tmp_path, "shop.html", page)
    assert document.title == "Our shop"
    first, second = document.parts
    assert first == DocumentPart("", "Hello there\n\nyou")
    assert second.heading == "Returns"
    assert second.text.split() == ["Thirty", "days.", "a", "b", "End"]


def test_text_in_other_encodings(tmp_path: Path) -> None:
    for name, content in (
        ("a.txt", "Käse".encode("utf-8-sig")),
        ("b.txt", "Käse".encode("utf-16")),
        ("c.txt", "Käse".encode("cp1252")),
    ):
        assert read(tmp_path, name, content).parts[0].text.strip() == "Käse"


def test_pdf_by_pages(tmp_path: Path) -> None:
    pytest.importorskip("pypdf")
    document = read(tmp_path, "manual.pdf", pdf("Press the red button.", "Wait a minute."))
    assert [(part.heading, part.text.strip()) for part in document.parts] == [
        ("page 1", "Press the red button."),
        ("page 2", "Wait a minute."),
    ]
    assert next(iter(cut(document))).source == "manual.pdf#page 1"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.pdf", b"%PDF-1.4 and nothing else", "no PDF"),
        ("b.pdf", b"", "no PDF"),
        ("c.txt", b"\x7fELF\0\0\0\0", "no text"),
    ],
)
def test_what_is_not_what_its_name_says_is_an_error(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    with pytest.raises(DocumentError, match=expected):
        read(tmp_path, name, content)


def test_a_folder_is_read_without_hidden_files_broken_ones_and_what_links_lead_out_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "docs"
    (folder / "deep").mkdir(parents=True)
    (folder / ".git").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / ".hidden.txt").write_text("no")
    (folder / ".git" / "a.txt").write_text("no")
    (folder / "code.py").write_text("no")
    (folder / "broken.txt").write_bytes(b"\0\0")
    (folder / "deep" / "b.txt").write_text("yes")
    with caplog.at_level(logging.WARNING):
        found = list(DocumentFolder(folder).documents())
    assert [document.path for document in found] == ["deep/b.txt"]
    assert "broken.txt is left out" in caplog.text


def test_the_digest_changes_when_and_only_when_documents_do(tmp_path: Path) -> None:
    folder = DocumentFolder(tmp_path)
    file = tmp_path / "a.txt"
    file.write_text("one")
    first = folder.digest()
    (tmp_path / "b.py").write_text("code")
    file.touch()
    assert folder.digest() == first == DocumentFolder(tmp_path).digest()
    file.write_text("two")
    second = folder.digest()
    assert second != first
    file.rename(tmp_path / "c.txt")
    assert folder.digest() not in (first, second)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RetrievalError, match="not there"):
        DocumentFolder(tmp_path / "nowhere").digest()


def test_passages_are_short_overlap_by_a_sentence_and_say_what_they_are_about() -> None:
    sentences = [f"Sentence number {n} has some words in it." for n in range(40)]
    endless = "word " * 400
    document = FolderDocument(
        "a.md",
        "Shop",
        (DocumentPart("", " ".join(sentences)), DocumentPart("Rules", endless)),
    )
    passages = list(cut(document))
    assert all(len(passage.text.split()) <= LONGEST_WORDS for passage in passages)
    of_first = [passage for passage in passages if passage.source == "a.md"]
    for before, after in pairwise(of_first):
        assert before.text.endswith(after.text.split(". ")[0].rstrip(".") + ".")
    said = " ".join(passage.text for passage in of_first)
    assert all(sentence in said for sentence in sentences)
    assert passages[-1].source == "a.md#Rules"
    assert passages[-1].context == "Shop, Rules"


def pdf(*pages: str) -> bytes:
    """A PDF of one line a page."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(count))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        ]
    written, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
    end += f"<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    return written + end.encode()
