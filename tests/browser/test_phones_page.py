"""docs/phones.md followed to the letter: its settings and commands, by the machine's address in its
network, with Caddy before a gateway and a LiveKit server."""

import base64
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import expect

from ops.supervisor.stack import Stack
from parley import paths
from testkit.doc_fences import fences
from testkit.isolated_config import free_ports, write_config
from testkit.own_network import interface_and_address
from tests.browser.other_origin import browsing, gateway_of

pytestmark = [pytest.mark.browser, pytest.mark.servers]

PAGE = "phones.md"
SHOWN_ADDRESS, SHOWN_INTERFACE = "192.168.1.7", "eth0"
SHOWN_HTTPS, SHOWN_ROOT = "8443", "8008"
READY_S = 60.0

# Keeps the page's connections where they can be asked for statistics.
KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...parameters) {
    super(...parameters);
    window.connections.push(this);
  }
};
"""

# Where the page's media has gone, by the candidate pair that was chosen.
MEDIA = """
async () => {
  const found = [];
  for (const connection of window.connections) {
    const reports = new Map(await connection.getStats());
    for (const report of reports.values()) {
      if (report.type === "candidate-pair" && report.nominated && report.bytesSent > 0) {
        found.push(reports.get(report.remoteCandidateId).address);
      }
    }
  }
  return found;
}
"""


@dataclass(frozen=True)
class Lan:
    """A Parley that its network can reach. `addresses`: of the machine's interface to it; `here`:
    what the page shows, with what there is."""

    addresses: frozenset[str]
    here: Callable[[str], str]
    state: Path

    @property
    def url(self) -> str:
        return self.here(f"https://{SHOWN_ADDRESS}:{SHOWN_HTTPS}")

    @property
    def plain_url(self) -> str:
        return self.here(f"http://{SHOWN_ADDRESS}:{SHOWN_ROOT}")


def shown(language: str, under: str) -> list[str]:
    found = [fence.text for fence in fences(PAGE, language, under=under)]
    assert found
    return found


@pytest.fixture(scope="module")
def lan(
    start_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lan]:
    if not (caddy := Path(sys.executable).with_name("caddy")).exists():
        pytest.skip("caddy comes with Parley's extra dev")
    folder = tmp_path_factory.mktemp("lan")
    if (network := interface_and_address()) is None:
        pytest.skip("this machine is in no network")
    interface, address = network
    https, root = map(str, free_ports(2))

    ours = {
        SHOWN_ADDRESS: address,
        SHOWN_INTERFACE: interface,
        SHOWN_HTTPS: https,
        SHOWN_ROOT: root,
    }

    def here(text: str) -> str:
        return re.sub("|".join(map(re.escape, ours)), lambda found: ours[found[0]], text)

    orchestrator, livekit = (yaml.safe_load(here(text)) for text in shown("yaml", "Settings"))
    # Without an agent no call would be granted; the server's ports stay those of this run.
    orchestrator["server"]["admission"] = "open"
    livekit["rtc"].pop("tcp_port")
    configs = write_config(folder / "configs", orchestrator=orchestrator)
    change(configs / "livekit.yaml", livekit)
    stack = start_stack("livekit", "gateway", configuration=configs)
    (command,) = shown("sh", "HTTPS")[:1]
    process = subprocess.Popen(
        ["bash", "-c", f"exec env {here(command)}"],
        cwd=paths.repository(),
        env={
            "PATH": f"{caddy.parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PARLEY_STATE_DIR": str(folder / "state"),
            "PARLEY_HTTPS_PORT": https,
            "PARLEY_ROOT_PORT": root,
            "PARLEY_GATEWAY": gateway_of(stack).removeprefix("http://"),
            "PARLEY_LIVEKIT": stack.configuration.orchestrator.livekit.url.removeprefix("ws://"),
        },
    )
    try:
        found = {each.address.partition("%")[0] for each in psutil.net_if_addrs()[interface]}
        yield Lan(frozenset(found), here, folder / "state")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def change(file: Path, values: Mapping[str, Any]) -> None:
    """Puts the values into the file, section by section."""
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings["rtc"] |= values["rtc"]
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")


@pytest.fixture(scope="module")
def root(lan: Lan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root certificate as a device gets it, once Caddy answers."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    folder = tmp_path_factory.mktemp("device")
    commands = lan.here(shown("sh", "HTTPS")[1])
    until = time.monotonic() + READY_S
    while True:
        done = subprocess.run(
            ["sh", "-e", "-c", commands],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode == 0:
            assert done.stdout.strip() == '{"status":"alive"}'
            return folder / "root.crt"
        assert time.monotonic() < until, done.stderr
        time.sleep(0.2)  # another process's state: only asking tells


def pin_of(state: Path) -> str:
    """The key of Caddy's intermediate authority, as Chromium is told to trust one."""
    file = state / "caddy" / "pki" / "authorities" / "local" / "intermediate.crt"
    key = x509.load_pem_x509_certificate(file.read_bytes()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


def test_a_device_that_trusts_the_root_reaches_the_gateway(root: Path) -> None:
    assert x509.load_pem_x509_certificate(root.read_bytes()).subject


def test_a_device_that_does_not_trust_it_is_kept_out(root: Path, lan: Lan) -> None:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", lan.url], capture_output=True, text=True, check=False
    )
    assert done.returncode == 60, done.stderr  # the peer's certificate cannot be verified


async def test_the_page_has_a_microphone_there_and_its_media_goes_over_the_network(
    chromium: str, chatter: Path, lan: Lan, root: Path
) -> None:
    trusted = f"--ignore-certificate-errors-spki-list={pin_of(lan.state)}"
    async with browsing(chromium, microphone=chatter, arguments=[trusted]) as page:
        await page.add_init_script(KEEP_CONNECTIONS)
        await page.goto(lan.plain_url)
        assert not await page.evaluate("isSecureContext || Boolean(navigator.mediaDevices)")
        await page.goto(lan.url)
        assert await page.evaluate("isSecureContext && Boolean(navigator.mediaDevices)")
        await page.get_by_role("button", name="Start the call").click()
        await expect(page.get_by_role("button", name="Mute", exact=True)).to_be_visible(
            timeout=60_000
        )
        gone_to = await page.wait_for_function(
            f"({MEDIA})().then((found) => found.length > 0 && found)", timeout=60_000
        )
        assert set(await gone_to.json_value()) <= lan.addresses
        await page.get_by_role("button", name="End", exact=True).click()
