"""Workers behind a name, as the machine's own resolver answers it."""

import pytest

from parley.discovery.dns import DnsDiscovery
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import TtsSection
from parley.speech.configured import speech_discovery


async def test_a_name_stands_for_each_of_its_addresses() -> None:
    settings = OrchestratorSettings(
        tts=TtsSection(discovery="dns", worker_address="localhost:7001, 127.0.0.2:7002")
    )
    discovery = speech_discovery(settings)
    async with discovery.watching():
        targets = [worker.target for worker in discovery.workers()]
    assert "127.0.0.1:7001" in targets
    assert targets[-1] == "127.0.0.2:7002"


async def test_a_name_that_cannot_be_resolved_is_no_error_and_no_worker() -> None:
    discovery = DnsDiscovery("nobody.invalid:7001")
    async with discovery.watching():
        assert discovery.workers() == ()


def test_what_is_no_name_with_a_port_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'tts' is not host:port"):
        DnsDiscovery("tts")
