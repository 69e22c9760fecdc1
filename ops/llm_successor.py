"""The larger local model on its way: fetched beside the smaller one, which it then replaces."""

import http.client
import logging
import os
import sys
import threading
import time
from typing import NoReturn

from pydantic import ValidationError

from parley import models, paths
from parley.capacity import PATH, Capacity
from parley.errors import ModelError
from parley.settings import OrchestratorSettings

AGAIN_AFTER_S = 300.0
_NICENESS = 19
_ASKED_WITHIN_S = 1.0

_log = logging.getLogger(__name__)


class Successor:
    """Fetches the model `name` from its making on, in a thread, and never in the way of a call."""

    def __init__(self, name: str, settings: OrchestratorSettings) -> None:
        self._name = name
        self._agents = settings.agent_targets
        self.is_here = threading.Event()
        """Set once it has been fetched."""
        threading.Thread(target=self._fetch, daemon=True, name="fetch-successor").start()

    def may_take_over(self) -> bool:
        """Whether it is here, and no agent of this machine has a call."""
        return self.is_here.is_set() and not any(map(_has_calls, self._agents.split(",")))

    def take_over(self) -> NoReturn:
        """Replaces this process, under its own PID; the port must be free."""
        command = (sys.executable, "-P", "-m", "ops.local_llm", "--model", self._name)
        environment = os.environ | {"PYTHONPATH": str(paths.repository())}
        os.execve(sys.executable, command, environment)  # noqa: S606 - our own module

    def _fetch(self) -> None:
        # Of this thread alone, and of the installer that it starts.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        while True:
            try:
                models.ensure(self._name)
            except ModelError as error:
                _log.warning("%s; trying again in %.0f s", error, AGAIN_AFTER_S)
                time.sleep(AGAIN_AFTER_S)
            else:
                self.is_here.set()
                return


def _has_calls(target: str) -> bool:
    """One that does not answer has none, or none that would lose an answer."""
    connection = http.client.HTTPConnection(target.strip(), timeout=_ASKED_WITHIN_S)
    try:
        connection.request("GET", PATH)
        return bool(Capacity.model_validate_json(connection.getresponse().read()).rooms)
    except (OSError, http.client.HTTPException, ValidationError):
        return False
    finally:
        connection.close()
