"""TURN as the files of the cluster have it: relayed media is heard, and TLS is spoken."""

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from livekit import api, rtc

from ops.toolchain.livekit_server import find_livekit_server
from testkit.isolated_config import free_ports
from tests.deploy.test_livekit import MANY, read

pytestmark = [pytest.mark.servers, pytest.mark.realtime]

KEY, SECRET = "turn-test", "s" * 40
DOMAIN = "turn.example.org"
WITHIN_S = 60.0
RATE_HZ, FRAME_SAMPLES = 48_000, 480


@dataclass(frozen=True)
class TurnServer:
    url: str
    tls_port: int
    certificate: Path


def own_address() -> str:
    """Of this machine in its network: WebRTC relays to no loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no network")
        return str(probe.getsockname()[0])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnServer]:
    program = find_livekit_server()
    if program is None:
        pytest.skip("there is no LiveKit server yet: the first `./run up` brings it")
    folder, address = tmp_path_factory.mktemp("turn"), own_address()
    certificate, key = folder / "tls.crt", folder / "tls.key"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-noenc", "-subj", f"/CN={DOMAIN}", "-addext", f"subjectAltName=DNS:{DOMAIN}"),
            *("-days", "1", "-keyout", str(key), "-out", str(certificate)),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl makes the certificate, and is not here")
    port, udp_port, tls_port = free_ports(3)
    config = read(MANY)
    config["port"] = port
    config["rtc"] |= {"use_external_ip": False, "node_ip": address, "tcp_port": 0}
    config["rtc"] |= {"port_range_start": 31_000, "port_range_end": 31_050}
    config["turn"] |= {"domain": DOMAIN, "udp_port": udp_port, "tls_port": tls_port}
    config["turn"] |= {"cert_file": str(certificate), "key_file": str(key)}
    config["turn"] |= {"relay_range_start": 31_100, "relay_range_end": 31_150}
    # The node of the test has a private address, to which nothing is relayed otherwise.
    config["turn"] |= {"allow_restricted_peer_cidrs": [f"{address}/32"]}
    config["keys"] = {KEY: SECRET}
    del config["prometheus"]
    file = folder / "livekit.yaml"
    file.write_text(yaml.safe_dump(config))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), "--config", str(file)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _until_it_listens(process, port, folder / "log")
        yield TurnServer(f"ws://{address}:{port}", tls_port, certificate)
    finally:
        process.kill()
        process.wait()


def _until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    give_up_s = time.monotonic() + WITHIN_S
    while True:
        assert process.poll() is None, log.read_text(errors="replace")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:  # only asking tells
            assert time.monotonic() < give_up_s
            time.sleep(0.05)


def token(identity: str) -> str:
    grants = api.VideoGrants(room_join=True, room="relayed")
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


async def test_who_may_only_be_relayed_is_heard(server: TurnServer) -> None:
    relayed = rtc.RoomOptions(
        rtc_config=rtc.RtcConfiguration(
            ice_transport_type=rtc.IceTransportType.TRANSPORT_RELAY  # type: ignore[arg-type]
        )
    )
    speaker, listener = rtc.Room(), rtc.Room()
    tracks: asyncio.Queue[rtc.Track] = asyncio.Queue()
    listener.on("track_subscribed", lambda track, *_: tracks.put_nowait(track))
    await listener.connect(server.url, token("listener"), relayed)
    await speaker.connect(server.url, token("speaker"), relayed)
    source = rtc.AudioSource(RATE_HZ, 1)
    track = rtc.LocalAudioTrack.create_audio_track("tone", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    try:
        async with asyncio.timeout(WITHIN_S):
            await speaker.local_participant.publish_track(track, options)
            speaking = asyncio.create_task(_speak(source))
            try:
                await _heard(await tracks.get())
            finally:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
    finally:
        await speaker.disconnect()
        await listener.disconnect()


async def _speak(source: rtc.AudioSource) -> None:
    tone = (8000 * np.sin(np.arange(FRAME_SAMPLES) * 2 * np.pi * 500 / RATE_HZ)).astype(np.int16)
    while True:
        frame = rtc.AudioFrame(tone.tobytes(), RATE_HZ, 1, FRAME_SAMPLES)
        await source.capture_frame(frame)  # waits until there is room for it


async def _heard(track: rtc.Track) -> None:
    stream = rtc.AudioStream(track)
    try:
        async for event in stream:
            if np.abs(np.frombuffer(event.frame.data, np.int16)).max() > 1000:
                return
    finally:
        await stream.aclose()


async def test_turn_speaks_tls_with_the_certificate_of_its_domain(server: TurnServer) -> None:
    trusting = ssl.create_default_context(cafile=str(server.certificate))
    async with asyncio.timeout(WITHIN_S):
        _, writer = await asyncio.open_connection(
            "127.0.0.1", server.tls_port, ssl=trusting, server_hostname=DOMAIN
        )
    tls = writer.get_extra_info("ssl_object")
    assert tls.version() in ("TLSv1.2", "TLSv1.3")
    assert (
        dict(pair for pairs in tls.getpeercert()["subject"] for pair in pairs)["commonName"]
        == DOMAIN
    )
    writer.close()
