"""LiveKit's own programs take the files, and their ports are the contract's."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.json_format import ParseDict
from livekit import api

from bench.nodes.killing import AWAY_S
from ops.toolchain.livekit_server import find_livekit_server
from parley.settings import OrchestratorSettings
from parley.settings.livekit_server import LiveKitServerSettings
from tests.deploy.composed import FILE as COMPOSE
from tests.deploy.composed import ROOT

FOLDER = ROOT / "deploy" / "livekit"
ONE, MANY, SIP = (FOLDER / name for name in ("one-node.yaml", "cluster.yaml", "sip.yaml"))

# `yaml` tags of livekit/sip's Config (pkg/config/config.go); the program is not to be had here.
SIP_KEYS = frozenset(
    "redis api_key api_secret ws_url health_port prometheus_port pprof_port sip_port "
    "sip_port_listen sip_hostname tcp tls rtp_port logging cluster_id max_cpu_utilization "
    "max_active_calls use_external_ip local_net nat_1_to_1_ip listen_ip media_use_external_ip "
    "media_nat_1_to_1_ip media_timeout media_timeout_initial symmetric_rtp codecs "
    "hide_inbound_port audio_dtmf".split()
)


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


def ports_by_livekit(file: Path) -> str:
    """The ports as the server itself reads them; it ends with 0 also for what it cannot read."""
    program = find_livekit_server()
    if program is None:
        pytest.skip("there is no LiveKit server yet: the first `./run up` brings it")
    environment = {
        "PATH": os.environ["PATH"],
        "LIVEKIT_KEYS": f"key: {'s' * 32}",
        "NODE_IP": "203.0.113.7",
        "LIVEKIT_TURN_DOMAIN": "turn.example.org",
        "REDIS_HOST": "redis:6379",
    }
    command = [str(program), "--config", str(file), "ports"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.stdout


def test_the_server_takes_the_file_of_one_node() -> None:
    said = ports_by_livekit(ONE)
    assert said.split("UDP Ports") == [
        "TCP Ports\n7880 - HTTP service\n7881 - ICE/TCP\n",
        "\n50000-50099 - ICE/UDP range\n",
    ]


def test_the_server_takes_the_file_of_many_nodes(tmp_path: Path) -> None:
    asking, text = "use_external_ip: true", MANY.read_text("utf-8")
    assert asking in text
    file = tmp_path / "livekit.yaml"  # it would ask servers in the network for its address
    file.write_text(text.replace(asking, "use_external_ip: false"))
    said = ports_by_livekit(file)
    for port in ("7880 - HTTP", "7881 - ICE/TCP", "5349 - TURN/TLS", "50000-50099 - ICE/UDP range"):
        assert port in said
    assert "3478 - TURN/UDP" in said


def test_the_server_would_not_take_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "livekit.yaml"
    file.write_text(ONE.read_text("utf-8").replace("advertise_internal_ip", "advertise_all_ips"))
    said = ports_by_livekit(file)
    assert "7880" not in said and "advertise_all_ips" in said


def test_nodes_wait_for_redis_longer_than_it_is_promised_to_be_away_at_most() -> None:
    waits = re.fullmatch(r"(\d+)m", read(MANY)["signal_relay"]["retry_timeout"])
    assert waits is not None and int(waits[1]) * 60 > AWAY_S


@pytest.mark.parametrize("file", [ONE, MANY], ids=["one", "many"])
def test_ports_are_the_same_everywhere_and_no_range_is_ignored(file: Path) -> None:
    config, defaults = read(file), LiveKitServerSettings()
    rtc = config["rtc"]
    assert config["port"] == defaults.port
    for bound in ("port_range_start", "port_range_end"):
        assert rtc[bound] == getattr(defaults.rtc, bound)
    assert "udp_port" not in rtc, "it is ignored where there is a range"
    assert "keys" not in config, "keys come from the environment"
    published = COMPOSE.read_text("utf-8")
    assert f"{rtc['port_range_start']}-{rtc['port_range_end']}" in published
    assert f"{rtc['tcp_port']}:{rtc['tcp_port']}/tcp" in published


def test_agents_inside_are_told_an_address_that_they_can_reach() -> None:
    for file in (ONE, MANY):
        assert read(file)["rtc"]["advertise_internal_ip"] is True


def test_telephony_has_keys_that_livekit_sip_knows_and_ports_of_its_own() -> None:
    config = read(SIP)
    assert set(config) <= SIP_KEYS
    start, end = (int(each) for each in re.fullmatch(r"(\d+)-(\d+)", config["rtp_port"]).groups())  # type: ignore[union-attr]
    taken = {7001, 7002, 7880, 7881, 8080, 8081, 8082, 9091, 9092, *range(50000, 50100)}
    assert not taken & {config["sip_port"], config["health_port"], config["prometheus_port"]}
    assert not taken & set(range(start, end + 1))
    assert (end + 1 - start) // 2 >= config["max_active_calls"]


def test_a_telephone_call_gets_the_agent_and_no_number_in_its_name() -> None:
    rule = json.loads((FOLDER / "sip-dispatch-rule.json").read_text("utf-8"))
    request = ParseDict(rule, api.CreateSIPDispatchRuleRequest()).dispatch_rule
    assert request.hide_phone_number
    assert request.rule.dispatch_rule_individual.room_prefix == "phone-"
    (agent,) = request.room_config.agents
    assert agent.agent_name == OrchestratorSettings().livekit.agent_name
    trunk = json.loads((FOLDER / "sip-inbound-trunk.json").read_text("utf-8"))
    inbound = ParseDict(trunk, api.CreateSIPInboundTrunkRequest()).trunk
    assert inbound.allowed_addresses, "anybody could call at our cost"
