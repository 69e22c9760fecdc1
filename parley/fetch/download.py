"""A file fetched by HTTP; what broke off is gone on with."""

import http.client
import re
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

from parley.errors import FetchError
from parley.fetch.checksum import BLOCK_BYTES, Checksum, digest
from parley.fetch.staging import explained
from parley.fetch.trust import OWN_AUTHORITY, is_untrusted
from parley.progress import StepProgress

_BROKE_OFF = (urllib.error.URLError, http.client.HTTPException, OSError)


def download(
    url: str,
    destination: Path,
    *,
    checksum: Checksum,
    label: str,
    progress: StepProgress,
    timeout_s: float = 10.0,
) -> None:
    """Fetches `url` into `destination` and checks it.

    What is in `destination` already is the beginning of it, from a download that broke off: it is
    gone on with, where the server can. So is a connection that is cut, for as long as each one
    brings something. A file that turns out wrong is removed; where the beginning was an earlier
    download's, it is fetched once more as a whole first. Else what has come stays on any error.

    `timeout_s` bounds connecting and every read, so that a dead network answers fast. Raises
    FetchError in one sentence. What `progress` raises ends the download.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise FetchError(f"not a web address: {url}")
    was_begun = _size(destination) > 0
    with explained(destination.parent):
        _go_on(url, destination, checksum, label, progress, timeout_s)
        found = digest(destination, checksum)
        if found != checksum.hex and was_begun:
            destination.unlink()
            _go_on(url, destination, checksum, label, progress, timeout_s)
            found = digest(destination, checksum)
    if found != checksum.hex:
        destination.unlink()
    checksum.check(found, what=url)


def _go_on(
    url: str,
    destination: Path,
    checksum: Checksum,
    label: str,
    progress: StepProgress,
    timeout_s: float,
) -> None:
    """Until all of it has come."""
    while True:
        before = _size(destination)
        try:
            with explained(destination.parent):
                _receive(url, destination, label, progress, timeout_s)
            return
        except urllib.error.HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and before:
                if digest(destination, checksum) == checksum.hex:
                    return  # it had come as a whole
                destination.unlink()
                continue
            host = urlsplit(url).netloc
            raise FetchError(f"{host} answers {error.code} ({error.reason}) for {url}") from None
        except _BROKE_OFF as error:
            if _size(destination) <= before:
                raise _unreachable(url, error) from None


def _receive(
    url: str, destination: Path, label: str, progress: StepProgress, timeout_s: float
) -> None:
    """Appends what the server has beyond what is there; raises one of _BROKE_OFF when cut."""
    done = _size(destination)
    # S310: the scheme was checked by the caller.
    request = urllib.request.Request(quote(url, safe=":/?&=%"))  # noqa: S310
    if done:
        request.add_header("Range", f"bytes={done}-")
    with urllib.request.urlopen(request, timeout=timeout_s) as response:  # noqa: S310
        if done and not _continues(response, done):
            done = 0
        length = response.headers.get("Content-Length")
        total = done + int(length) if length else None
        progress(label, done, total)
        told = done
        with destination.open("ab" if done else "wb") as file:
            # Not more than has come: of a read that waits for more, a cut would leave nothing.
            while block := response.read1(BLOCK_BYTES):
                file.write(block)
                done += len(block)
                if done - told >= BLOCK_BYTES:
                    told = done
                    progress(label, done, total)
        progress(label, done, total)
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _continues(response: http.client.HTTPResponse, done: int) -> bool:
    """Whether it brings what follows so many bytes; a server without ranges begins anew."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return False
    first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return first is not None and int(first[1]) == done


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _unreachable(url: str, error: BaseException) -> FetchError:
    host = urlsplit(url).netloc
    reason = getattr(error, "reason", error)
    reason = getattr(reason, "strerror", None) or reason
    if is_untrusted(str(reason)):
        return FetchError(f"{host} is not trusted ({reason}): {OWN_AUTHORITY}")
    return FetchError(f"{host} could not be reached ({reason}): {url}")
