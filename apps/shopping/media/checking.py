"""What a file is, by its content: what a client says of it counts for nothing."""

import io

from apps.shopping.faults import VALIDATION, ShoppingError

LARGEST_IMAGE_BYTES = 8 * 1024 * 1024
LARGEST_AUDIO_BYTES = 16 * 1024 * 1024
LARGEST_BYTES = max(LARGEST_IMAGE_BYTES, LARGEST_AUDIO_BYTES)
LARGEST_PIXELS = 50_000_000
LONGEST_AUDIO_S = 120.0
MOST_SAMPLES = 25_000_000
"""Of all channels, once it is read: a small FLAC of silence may hold any number."""


def content_type(data: bytes) -> str:
    """By the first bytes; raises ShoppingError for what is neither picture nor recording."""
    begins = (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"fLaC", "audio/flac"),
        (b"OggS", "audio/ogg"),
        (b"ID3", "audio/mpeg"),
        (b"\xff\xfb", "audio/mpeg"),
        (b"\xff\xf3", "audio/mpeg"),
    )
    for start, kind in begins:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    raise ShoppingError(VALIDATION, "This is no picture and no recording that can be read.")


def checked(data: bytes, wanted: str = "") -> str:
    """The content type of a file that can be read; `wanted`: "image" or "audio", or either.

    Raises ShoppingError for another kind, or one that is too large or broken.
    """
    kind = content_type(data)
    media_type = kind.partition("/")[0]
    if wanted and media_type != wanted:
        raise ShoppingError(VALIDATION, f"This was sent as {wanted}, and is {kind}.")
    most = LARGEST_IMAGE_BYTES if media_type == "image" else LARGEST_AUDIO_BYTES
    if len(data) > most:
        raise ShoppingError(VALIDATION, f"This is larger than {most // 2**20} MB.")
    if media_type == "image":
        _check_image(data)
    else:
        _check_audio(data)
    return kind


def _check_image(data: bytes) -> None:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - of the extra `shopping`

    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
            if width * height > LARGEST_PIXELS:
                raise ShoppingError(VALIDATION, "The picture has too many pixels.")
            image.verify()
    except Image.DecompressionBombError as error:
        raise ShoppingError(VALIDATION, "The picture has too many pixels.") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ShoppingError(VALIDATION, "The picture is broken.") from error


def _check_audio(data: bytes) -> None:
    import soundfile  # noqa: PLC0415 - loads a library

    try:
        about = soundfile.info(io.BytesIO(data))
    except (soundfile.LibsndfileError, OSError) as error:
        raise ShoppingError(VALIDATION, "The recording is broken.") from error
    if about.duration > LONGEST_AUDIO_S:
        raise ShoppingError(VALIDATION, f"The recording is longer than {LONGEST_AUDIO_S:.0f} s.")
    if about.frames * about.channels > MOST_SAMPLES:
        raise ShoppingError(VALIDATION, "The recording has too many samples.")
