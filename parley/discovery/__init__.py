"""Where the speech workers are, behind one interface."""

from parley.discovery.base import Discovery, WorkerAddress
from parley.discovery.static import StaticDiscovery

__all__ = ["Discovery", "StaticDiscovery", "WorkerAddress"]
