"""A Docker engine of our own: Debian's, unpacked, in namespaces that end with it.

Its network is its own, too: packets leave it through slirp4netns. So neither this machine's ports
nor its packet filter are touched, and killing the one process that holds the namespaces ends
everything that ran in them.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.production.commands import RunError, run, until
from parley.fetch import locked, staged

PACKAGES = (
    *("docker.io", "containerd", "runc", "tini", "iptables", "slirp4netns", "mmdebstrap"),
    *("libdevmapper1.02.1", "libip4tc2", "libip6tc2", "libmnl0", "libnetfilter-conntrack3"),
    *("libnfnetlink0", "libnftnl11", "libslirp0", "libxtables12"),
)
"""The engine, what it starts, and the libraries of both that a small Debian lacks."""
_TABLES = tuple(f"{ip}tables{what}" for ip in ("ip", "ip6") for what in ("", "-save", "-restore"))
_NEEDED = ("apt-get", "dpkg", "perl", "unshare", "nsenter", "ip")
START_S = 120.0
FETCH_S = 600.0
# In the new namespaces; the network comes up from outside, once this process can be named.
_BEGIN = """
ip link set lo up
until ip route | grep -q default; do sleep 0.1; done
echo 1 >/proc/sys/net/ipv4/ip_forward
exec dockerd "$@"
"""


def obstacle() -> str:
    """Why no engine can be started here, in one line; empty: one can."""
    if os.geteuid() != 0:
        return "a Docker engine of its own needs root"
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        return f"not on this machine: {', '.join(missing)}"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun, which gives the engine its network"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "the kernel has no overlay file system, on which images lie"
    try:
        run(["unshare", "--net", "--mount", "--pid", "--fork", "true"], within_s=10)
    except RunError:
        return "namespaces cannot be made here"
    return ""


@dataclass(frozen=True)
class Namespace:
    """Where a process lives: its network, and with `mounts` its files."""

    pid: int
    mounts: bool = False

    def command(self, *words: str | Path) -> list[str | Path]:
        """Run there."""
        mounts = ["--mount", f"--wdns={Path.cwd()}"] if self.mounts else []
        return ["nsenter", "--target", str(self.pid), "--net", *mounts, "--", *words]


@dataclass(frozen=True)
class DockerEngine:
    """A running engine. `programs`: Debian's packages, unpacked."""

    programs: Path
    socket: Path
    namespace: Namespace

    @property
    def environment(self) -> dict[str, str]:
        """Of the clients; without a proxy or a context of whoever runs this."""
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_BUILDKIT": "1"}

    def docker(self, *words: str | Path, within_s: float = 60, stdin: bytes | None = None) -> str:
        client = self.programs / "usr/bin/docker"
        return run([client, *words], within_s=within_s, env=self.environment, stdin=stdin)


def unpacked(cache: Path) -> Path:
    """The packages' files, fetched by apt and installed nowhere; raises RunError."""
    folder = cache / "docker-engine"
    with locked(folder):
        if not folder.exists():
            with staged(folder) as staging:
                debs, files = staging / "debs", staging / "files"
                debs.mkdir()
                run(["apt-get", "update", "-qq"], within_s=FETCH_S)
                # As root: the sandbox user of apt may not write here.
                keep = ["-o", "APT::Sandbox::User=root"]
                run(["apt-get", "download", "-qq", *keep, *PACKAGES], within_s=FETCH_S, cwd=debs)
                for package in sorted(debs.glob("*.deb")):
                    run(["dpkg", "-x", package, files], within_s=FETCH_S)
                for name in _TABLES:
                    (files / "usr/sbin" / name).unlink(missing_ok=True)
                    (files / "usr/sbin" / name).symlink_to("xtables-nft-multi")
                files.rename(folder)
    return folder


@contextmanager
def running(programs: Path, folder: Path) -> Iterator[DockerEngine]:
    """Starts the engine; its images stay in `folder` for the next time. Raises RunError."""
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "docker.sock"
    shutil.rmtree(folder / "exec", ignore_errors=True)
    for left in (socket, folder / "docker.pid"):
        left.unlink(missing_ok=True)
    environment = os.environ | environment_of(programs)
    with ExitStack() as started, (folder / "engine.log").open("w") as log:
        holder = started.enter_context(
            _held(
                [
                    *("sh", "-c", _BEGIN, "sh", "--data-root", str(folder / "data")),
                    *("--exec-root", str(folder / "exec"), "--host", f"unix://{socket}"),
                    *("--pidfile", str(folder / "docker.pid"), "--storage-driver", "overlay2"),
                    *("--exec-opt", "native.cgroupdriver=cgroupfs", "--userland-proxy=false"),
                ],
                ["--pid", "--mount-proc"],
                environment,
                log,
            )
        )
        slirp = [str(programs / "usr/bin/slirp4netns"), "--configure", "--mtu=65520"]
        started.enter_context(
            _ended([*slirp, "--disable-host-loopback", str(holder), "tap0"], environment, log)
        )
        engine = DockerEngine(programs, socket, Namespace(holder))
        try:
            until(lambda: _answers(engine), "the Docker engine", within_s=START_S)
        except RunError as error:
            said = (folder / "engine.log").read_text(errors="replace").strip().splitlines()
            raise RunError(f"{error}: {said[-1] if said else 'it said nothing'}") from None
        yield engine


def environment_of(programs: Path) -> dict[str, str]:
    """With which the unpacked programs find one another and their libraries."""
    library = programs / "usr/lib" / f"{os.uname().machine}-linux-gnu"
    own = [programs / "usr/sbin", programs / "usr/bin"]
    return {
        "PATH": os.pathsep.join([*map(str, own), os.environ.get("PATH", "/usr/bin:/bin")]),
        "LD_LIBRARY_PATH": str(library),
        "XTABLES_LIBDIR": str(library / "xtables"),
    }


@contextmanager
def outside(engine: DockerEngine, hosts: dict[str, str], folder: Path) -> Iterator[Namespace]:
    """Where a caller is: a network that reaches nothing but the engine's machine, at SERVER.

    `hosts`: names and the addresses that they have there.
    """
    file = folder / "hosts"
    file.write_text("".join(f"{address} {name}\n" for name, address in hosts.items()))
    wait = f"mount --bind '{file}' /etc/hosts && ip link set lo up && exec sleep infinity"
    environment = dict(os.environ)
    with (folder / "outside.log").open("w") as log, ExitStack() as started:
        holder = started.enter_context(_held(["sh", "-c", wait], ["--pid"], environment, log))
        until(
            lambda: Path(f"/proc/{holder}/comm").read_text().strip() == "sleep",
            "a network of a caller's own",
            within_s=START_S,
        )
        there = engine.namespace.command
        run(
            there(
                "ip",
                "link",
                "add",
                "callers",
                "type",
                "veth",
                "peer",
                "server",
                "netns",
                str(holder),
            ),
            within_s=10,
        )
        here = Namespace(holder, mounts=True)
        for command in (
            there("ip", "addr", "add", f"{SERVER}/30", "dev", "callers"),
            there("ip", "link", "set", "callers", "up"),
            here.command("ip", "addr", "add", f"{CALLER}/30", "dev", "server"),
            here.command("ip", "link", "set", "server", "up"),
        ):
            run(command, within_s=10)
        serve = ["python3", "-m", "http.server", str(CALLERS_PORT), "--directory", "/proc/self/fd"]
        started.enter_context(_ended(here.command(*serve), environment, log))
        yield here


SERVER, CALLER = "192.168.231.1", "192.168.231.2"
"""Two ends of a cable between namespaces of this run; no one else has them."""
CALLERS_PORT = 9999
"""Answered where callers are, to see who gets there."""


@contextmanager
def beside(engine: DockerEngine, *command: str | Path) -> Iterator[None]:
    """A program in the engine's own network, which containers that reach out find at SERVER."""
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with _ended(engine.namespace.command(*command), environment, None):
        yield


@contextmanager
def _held(
    command: Sequence[str | Path], more: Sequence[str], environment: dict[str, str], log: IO[str]
) -> Iterator[int]:
    """The process inside new namespaces, which all that it starts ends with."""
    unshare = ["unshare", "--net", "--mount", *more, "--fork", "--kill-child"]
    with _ended([*unshare, *command], environment, log) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        until(lambda: bool(children.read_text().split()), "new namespaces", within_s=START_S)
        inside = int(children.read_text().split()[0])
        # Its namespaces are new only once it is no longer this program's.
        own = Path("/proc/self/ns/net").readlink()
        until(
            lambda: Path(f"/proc/{inside}/ns/net").readlink() != own,
            "a new network",
            within_s=START_S,
        )
        yield inside


@contextmanager
def _ended(
    command: Sequence[str | Path], environment: dict[str, str], log: IO[str] | None
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [str(word) for word in command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait()


def _answers(engine: DockerEngine) -> bool:
    try:
        engine.docker("version", within_s=20)
    except RunError:
        return False
    return True
