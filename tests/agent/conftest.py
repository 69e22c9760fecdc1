"""What tests of the agent in rooms share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ops.supervisor.stack import Stack
from testkit.isolated_config import free_ports
from tests.agent import room_apps
from tests.agent.app_rooms import AppRooms, start_apps


@dataclass(frozen=True)
class ServedApps:
    """One stack for all agents of room_apps.py; `orders_port`: where those that take orders send
    them, while a test listens."""

    rooms: AppRooms
    orders_port: int


@pytest.fixture(scope="session")
def served_apps(
    start_shared: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> ServedApps:
    (port,) = free_ports(1)
    file = Path(room_apps.__file__)
    apps = {name: f"{file}:{name}" for name in room_apps.SERVED}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(room_apps.ORDERS_URL, f"http://127.0.0.1:{port}/orders")
        return ServedApps(start_apps(start_shared, tmp_path_factory.mktemp("apps"), apps), port)
