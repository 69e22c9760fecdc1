"""What a person reads of an HTML page: its text by heading, without scripts and navigation."""

from collections.abc import Iterator
from html.parser import HTMLParser

_UNREAD = frozenset("script style template noscript svg math nav form select textarea".split())
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_BLOCKS = frozenset(
    "address article aside blockquote br dd details div dl dt figure footer header hr li main ol p "
    "pre section summary table td th tr ul".split()
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


def html_title_and_parts(html: str) -> tuple[str, list[tuple[str, str]]]:
    """The title, "" where there is none, and (heading, text) of each part, in their order."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.title, list(reader.parts())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._unread: list[str] = []
        """Open elements of which nothing is read, the outermost first."""
        self._in: str | None = None
        """The title or heading that is open."""
        self._heading = ""
        self._texts: dict[int, list[str]] = {0: []}
        self._headings: list[str] = [""]

    def parts(self) -> Iterator[tuple[str, str]]:
        for number, heading in enumerate(self._headings):
            lines = (" ".join(line.split()) for line in "".join(self._texts[number]).split("\n"))
            yield heading, "\n\n".join(line for line in lines if line)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            if tag in _BLOCKS and not self._unread:
                self._texts[len(self._headings) - 1].append("\n")
        elif self._unread or tag in _UNREAD:
            if tag in _UNREAD:
                self._unread.append(tag)
        elif tag in _HEADINGS or tag == "title":
            self._in, self._heading = tag, ""
        elif tag in _BLOCKS:
            self._texts[len(self._headings) - 1].append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._unread:
            if tag in self._unread:  # what was left open inside ends with it
                del self._unread[self._unread.index(tag) :]
        elif tag == self._in:
            self._end_heading(tag)
        elif tag in _BLOCKS:
            self._texts[len(self._headings) - 1].append("\n")

    def handle_data(self, data: str) -> None:
        if self._unread:
            return
        if self._in is not None:
            self._heading += data
        else:
            self._texts[len(self._headings) - 1].append(data)

    def _end_heading(self, tag: str) -> None:
        heading = " ".join(self._heading.split())
        self._in = None
        if tag == "title":
            self.title = self.title or heading
        elif heading:
            self._headings.append(heading)
            self._texts[len(self._headings) - 1] = []
