"""How a program of Parley ends: its exit status, and one sentence for what people can act on."""

import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from parley.errors import ConfigurationError, ParleyError

EXIT_FAILED = 1
EXIT_MISCONFIGURED = 2
EXIT_INTERRUPTED = 130

_WRITABLE = "PARLEY_STATE_DIR and PARLEY_CACHE_DIR name folders that can be written"
_REMEDIES = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some space of this user's quota",
    errno.EACCES: _WRITABLE,
    errno.EPERM: _WRITABLE,
    errno.EROFS: _WRITABLE,
}


def reported(run: Callable[[], int]) -> int:
    """Runs a program's main; what people can act on becomes one sentence on standard error."""
    try:
        status = run()
        sys.stdout.flush()
        return status
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return EXIT_MISCONFIGURED if isinstance(error, ConfigurationError) else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # whoever read our output (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        print(f"parley: {what}; {_REMEDIES[error.errno]}", file=sys.stderr)
        return EXIT_FAILED


def leave(status: int) -> NoReturn:
    """Ends the process.

    Once LiveKit's native client is loaded, without Python's own ending: a callback of one of its
    threads that falls into it aborts the process, with status 134 for a call that went well.
    """
    if "livekit.rtc" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
