"""The TTS worker with one thing added: on SIGUSR1 its event loop hangs for a while.

No worker has such a switch; the suite starts its workers through this module to be able to hit
one that way. All else is `workers.tts` as it is.
"""

import signal
import sys
import time

from workers.serving.server import run
from workers.tts import serve

HANG_SIGNAL = signal.SIGUSR1
HANG_S = 8.0
"""Longer than the pool waits for any worker, shorter than the worker's watchdog."""

if __name__ == "__main__":
    # Handlers run in the main thread, which is the event loop's: nothing of the loop goes on.
    signal.signal(HANG_SIGNAL, lambda *_: time.sleep(HANG_S))
    sys.exit(run("tts", serve))
