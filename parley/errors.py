"""Errors a person can act on: each says what was wrong, with which value, and what to do."""


class ParleyError(Exception):
    """Base of all errors that Parley raises on purpose; its text is shown as it is."""


class ConfigurationError(ParleyError):
    """A configuration file or environment variable that cannot be used."""


class AudioFileError(ParleyError):
    """A file that holds no usable audio."""


class FetchError(ParleyError):
    """Something that could not be fetched: no network, a refusal, a full disk, a wrong checksum."""


class ToolchainError(ParleyError):
    """A program that Parley needs (LiveKit server, Node) can be neither found nor made."""


class SupervisorError(ParleyError):
    """A part that cannot be started or kept running, or a port that another program holds."""


class ModelError(ParleyError):
    """A model that is unknown, cannot be fetched, or fails its checksum."""


class SpeechError(ParleyError):
    """Base of what goes wrong between a client and a speech worker."""


class VoiceNotFoundError(SpeechError):
    """No worker knows the voice."""


class InvalidSpeechRequestError(SpeechError):
    """The worker refuses what the request says (text, speed, rate); asking again is futile."""


class WorkersBusyError(SpeechError):
    """Every worker is at its slots; `retry_after_s` says when to ask again."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class WorkerUnavailableError(SpeechError):
    """No worker could be reached, or the one that answered was lost."""


class WorkerStalledError(WorkerUnavailableError):
    """A worker that is connected, owes an answer, and gives none."""


class WorkerDeclinedError(WorkerUnavailableError):
    """A worker that lives, but not for this request: it drains, or the voice cannot be loaded."""


class StreamIdleError(WorkerUnavailableError):
    """A worker ended a stream in which nothing was asked of it for long; it can be opened anew."""
