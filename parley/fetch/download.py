"""A file fetched by HTTP."""

import http.client
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

from parley.errors import FetchError
from parley.fetch.checksum import BLOCK_BYTES, Checksum
from parley.fetch.staging import explained
from parley.fetch.trust import OWN_AUTHORITY, is_untrusted
from parley.progress import StepProgress


def download(
    url: str,
    destination: Path,
    *,
    checksum: Checksum,
    label: str,
    progress: StepProgress,
    timeout_s: float = 10.0,
) -> None:
    """Fetches `url` into `destination` and checks it; on any error the file is removed.

    `timeout_s` bounds connecting and every read, so that a dead network answers fast. Raises
    FetchError in one sentence. What `progress` raises ends the download.
    """
    host = urlsplit(url).netloc
    try:
        with explained(destination.parent):
            found = _receive(url, destination, checksum, label, progress, timeout_s)
        checksum.check(found, what=url)
    except BaseException as error:
        destination.unlink(missing_ok=True)
        if isinstance(error, urllib.error.HTTPError):
            raise FetchError(f"{host} answers {error.code} ({error.reason}) for {url}") from None
        if isinstance(error, (urllib.error.URLError, http.client.HTTPException, OSError)):
            reason = getattr(error, "reason", error)
            reason = getattr(reason, "strerror", None) or reason
            if is_untrusted(str(reason)):
                raise FetchError(f"{host} is not trusted ({reason}): {OWN_AUTHORITY}") from None
            raise FetchError(f"{host} could not be reached ({reason}): {url}") from None
        raise


def _receive(
    url: str,
    destination: Path,
    checksum: Checksum,
    label: str,
    progress: StepProgress,
    timeout_s: float,
) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise FetchError(f"not a web address: {url}")
    hasher = checksum.hasher()
    # S310: the scheme was checked above.
    with (
        urllib.request.urlopen(quote(url, safe=":/?&=%"), timeout=timeout_s) as response,  # noqa: S310
        destination.open("wb") as file,
    ):
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        done = 0
        progress(label, 0, total)
        while block := response.read(BLOCK_BYTES):
            file.write(block)
            hasher.update(block)
            done += len(block)
            progress(label, done, total)
        if total is not None and done < total:
            raise http.client.IncompleteRead(b"", total - done)
    return hasher.hexdigest()
