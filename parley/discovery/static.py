"""Workers at addresses that the configuration lists."""

import re

from parley.discovery.base import WorkerAddress
from parley.errors import ConfigurationError

_TARGET = re.compile(r"^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$")


class StaticDiscovery:
    """`addresses` is `host:port`, several separated by commas; raises ConfigurationError."""

    def __init__(self, addresses: str) -> None:
        targets = [target.strip() for target in addresses.split(",") if target.strip()]
        for target in targets:
            match = _TARGET.match(target)
            if not match or not 0 < int(match[2]) < 65536:
                raise ConfigurationError(f"worker address {target!r} is not host:port")
        if not targets:
            raise ConfigurationError("no worker address is configured")
        self._workers = tuple(WorkerAddress(target) for target in targets)

    def workers(self) -> tuple[WorkerAddress, ...]:
        return self._workers
