"""AWS's event stream, the framing in which Bedrock streams an answer.

https://smithy.io/2.0/aws/amazon-eventstream.html: total length, length of the headers, checksum of
these two; headers; payload; checksum of it all. Numbers are big-endian, checksums CRC-32.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dialogue.providers.http_request import BrokenStreamError

_PRELUDE = struct.Struct("!III")
_CHECKSUM = struct.Struct("!I")
LONGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes; the specification allows no more."""
_STRING = 7
_FIXED_BYTES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Of the value of each type of header but bytes (6) and text (7), which say their length."""


@dataclass(frozen=True)
class StreamMessage:
    """`headers` are those whose value is text; no other is of use here."""

    headers: Mapping[str, str]
    payload: bytes


class EventStreamDecoder:
    """Takes bytes as they come, in whatever pieces; raises BrokenStreamError."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, data: bytes) -> Iterator[StreamMessage]:
        self._left += data
        while len(self._left) >= _PRELUDE.size:
            total, of_headers, checksum = _PRELUDE.unpack_from(self._left)
            if checksum != zlib.crc32(self._left[:8]):
                raise BrokenStreamError("the checksum of a message's lengths is wrong")
            if not _PRELUDE.size + of_headers + _CHECKSUM.size <= total <= LONGEST_MESSAGE:
                raise BrokenStreamError(f"a message of {total} bytes, {of_headers} of headers")
            if len(self._left) < total:
                return
            message, self._left = self._left[:total], self._left[total:]
            if _CHECKSUM.unpack(message[-4:])[0] != zlib.crc32(message[:-4]):
                raise BrokenStreamError("the checksum of a message is wrong")
            end = _PRELUDE.size + of_headers
            yield StreamMessage(_headers(message[_PRELUDE.size : end]), message[end:-4])


def _headers(data: bytes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind = data[at + 1 : name_end].decode(), data[name_end]
            at = name_end + 1
            if kind in _FIXED_BYTES:
                at += _FIXED_BYTES[kind]
                continue
            (length,) = struct.unpack_from("!H", data, at)
            if kind == _STRING:
                found[name] = data[at + 2 : at + 2 + length].decode()
            at += 2 + length
    except (IndexError, struct.error, UnicodeDecodeError):
        raise BrokenStreamError("the headers of a message cannot be read") from None
    return found
