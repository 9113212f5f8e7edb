"""A real Tor network on loopback: one directory authority, three relays, a client and an onion service.

Order of a start:

1. The keys of the authority are made (tor-gencert), and its fingerprint is read.
2. Authority and relays start, with the first vote at least 8 s ahead. An earlier vote misses relays for half
   an hour, or gives every relay a bandwidth weight of zero.
3. The directory port of the authority serves a consensus that lists all four routers.
4. Only then do the client and the onion service start. The network is ready when the client has bootstrapped
   and the descriptor of the service can be fetched.

Nothing leaves loopback: every address is 127.0.0.1, no relay is an exit, and no public authority is known.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.peers.patience import ready_in_time

READY_TIMEOUT_S = 60.0  # per step of a start; all steps together take 15 s on an idle machine
POLL_S = 0.1
ROUTERS = 4
#: Per attempt to start: the initial voting interval, and the time before the first vote, in seconds. A busy
#: machine may start a relay too late for the first vote, so each attempt allows more time.
VOTING_TIMES = ((10, 8), (20, 17), (30, 27))

_COMMON = """
TestingTorNetwork 1
Address 127.0.0.1
OutboundBindAddress 127.0.0.1
AssumeReachable 1
PathsNeededToBuildCircuits 0.25
ShutdownWaitLength 0
RunAsDaemon 0
AvoidDiskWrites 1
ConnLimit 60
NumCPUs 1
DataDirectory {folder}
Log notice file {folder}/log
__OwningControllerProcess {owner}
"""
_ROUTER = """
Nickname {name}
ORPort 127.0.0.1:{orport} IPv4Only
ExitRelay 0
ExitPolicy reject *:*
SocksPort 0
"""
_AUTHORITY = """
DirPort 127.0.0.1:{dirport} IPv4Only
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
ContactInfo none
TestingDirAuthVoteExit *
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
TestingMinExitFlagThreshold 0
V3AuthNIntervalsValid 3
TestingV3AuthInitialVotingInterval {interval}
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 1800
V3AuthVoteDelay 20
V3AuthDistDelay 20
TestingV3AuthVotingStartOffset {offset}
"""
_CLIENT = """
ClientOnly 1
SocksPort 127.0.0.1:{socks} IsolateSOCKSAuth KeepAliveIsolateSOCKSAuth ExtendedErrors
SocksPort 127.0.0.1:{plain} IsolateSOCKSAuth
ControlPort 127.0.0.1:{control}
CookieAuthentication 1
"""
_ONION = """
ClientOnly 1
SocksPort 0
HiddenServiceDir {folder}/service
HiddenServicePort 80 127.0.0.1:{target}
HiddenServicePort 81 127.0.0.1:1
HiddenServiceDir {folder}/locked
HiddenServicePort 80 127.0.0.1:{target}
"""


class TorMissing(RuntimeError):
    """tor was not found. Install the package `tor` (Debian: apt-get install --no-install-recommends tor)."""


class TorNotReady(RuntimeError):
    """The private Tor network was not ready in time."""


@dataclass
class TorNetwork:
    """A running network. `onion` is the service's host name, `socks` the client's port on 127.0.0.1.

    `plain` is another port of the client, without `ExtendedErrors`. Port 80 of the service leads to the
    target, port 81 to nothing; other ports are closed. `locked` is a second service, whose key nobody has.
    """

    folder: Path
    socks: int
    plain: int
    control: int
    onion: str = ""
    locked: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def proxy(self) -> str:
        return f"socks5://127.0.0.1:{self.socks}"

    @property
    def cookie_file(self) -> Path:
        return self.folder / "client" / "control_auth_cookie"

    def kill(self, name: str) -> None:
        """Kill one of the six tor processes, as a crash would end it."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(10)

    def start(self, name: str, torrc: str) -> None:
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        (self.folder / f"{name}.torrc").write_text(torrc)
        self._launch_process(name)

    def start_again(self, name: str) -> None:
        """Restart a killed process. Return when the client can reach the service again."""
        (self.folder / name / "log").unlink(missing_ok=True)
        self._launch_process(name)
        _wait_until_ready(lambda: _has_bootstrapped(self.folder / name), f"{name}'s bootstrap", self)
        _wait_until_ready(
            lambda: _socks_connects(self.socks, self.onion), "the onion service's descriptor", self
        )

    def _launch_process(self, name: str) -> None:
        torrc = self.folder / f"{name}.torrc"
        command = ["tor", "--defaults-torrc", str(self.folder / "empty"), "-f", str(torrc), "--quiet"]
        self.processes[name] = subprocess.Popen(command)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Suspend one of the six processes."""
        self.processes[name].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.processes[name].send_signal(signal.SIGCONT)

    def circuits(self) -> dict[str, set[str]]:
        """Return the ids of the client's circuits by their SOCKS user name (control-spec)."""
        found: dict[str, set[str]] = {}
        for line in self._control_answer("GETINFO circuit-status"):
            if (name := re.search(r'SOCKS_USERNAME="([^"]*)"', line)) is not None:
                found.setdefault(name[1], set()).add(line.split()[0])
        return found

    def _control_answer(self, command: str) -> list[str]:
        """Return the answer of the client's control port."""
        with socket.create_connection(("127.0.0.1", self.control), timeout=10) as connection:
            cookie = self.cookie_file.read_bytes().hex()
            connection.sendall(f"AUTHENTICATE {cookie}\r\n{command}\r\nQUIT\r\n".encode())
            with connection.makefile(encoding="ascii", errors="replace") as answer:
                return answer.read().splitlines()

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        self.processes.clear()

    def remove(self) -> None:
        """Stop all processes and delete all files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def tor_network(target_port: int) -> Iterator[TorNetwork]:
    """Run a network whose onion service forwards its port 80 to 127.0.0.1:`target_port`.

    If the first vote missed a relay, the next one is half an hour away, so the network is started anew with
    more time before the vote.
    """
    if shutil.which("tor") is None or shutil.which("tor-gencert") is None:
        raise TorMissing(TorMissing.__doc__)
    network = _start_network(target_port)
    try:
        yield network
    finally:
        network.remove()


def _start_network(target_port: int) -> TorNetwork:
    for votes in VOTING_TIMES:
        network = _new_network()
        try:
            _start_processes(network, target_port, votes)
        except BaseException as error:
            network.remove()
            if not isinstance(error, TorNotReady) or votes == VOTING_TIMES[-1]:
                raise
        else:
            return network
    raise AssertionError("the last attempt returns or raises")


def _new_network() -> TorNetwork:
    socks, plain, control = _free_ports(3)
    folder = Path(tempfile.mkdtemp(prefix="tor-network-"))
    (folder / "empty").touch()
    return TorNetwork(folder=folder, socks=socks, plain=plain, control=control)


def _start_processes(network: TorNetwork, target_port: int, votes: tuple[int, int]) -> None:
    """Do steps 1 to 4 of the module's docstring."""
    dirport, *orports = _free_ports(1 + ROUTERS)
    folder = network.folder
    authority = _authority_line(folder, orports[0], dirport)
    _start_routers(network, authority, orports, dirport, votes)
    _wait_until_ready(lambda: _consensus_lists_all(dirport), "a consensus", network)
    client = _CLIENT.format(socks=network.socks, plain=network.plain, control=network.control)
    network.start("client", _torrc(network, "client", authority, client))
    onion = _ONION.format(folder=folder / "onion", target=target_port)
    _require_client_key(folder / "onion" / "locked")
    network.start("onion", _torrc(network, "onion", authority, onion))
    hostname = folder / "onion" / "service" / "hostname"
    _wait_until_ready(hostname.exists, "the onion service's name", network)
    network.onion = hostname.read_text().strip()
    network.locked = (folder / "onion" / "locked" / "hostname").read_text().strip()
    _wait_until_ready(lambda: _has_bootstrapped(folder / "client"), "the client's bootstrap", network)
    _wait_until_ready(
        lambda: _socks_connects(network.socks, network.onion), "the onion service's descriptor", network
    )


def _require_client_key(service: Path) -> None:
    """Require a client key for a service. The secret key of this public one was never made."""
    clients = service / "authorized_clients"
    clients.mkdir(parents=True)
    for folder in (service.parent, service, clients):
        folder.chmod(0o700)
    key = base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=")
    (clients / "nobody.auth").write_text(f"descriptor:x25519:{key}\n")


def unpublished_onion() -> str:
    """Return a well-formed v3 address that no service has (rend-spec-v3, section 6)."""
    key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    checksum = hashlib.sha3_256(b".onion checksum" + key + b"\x03").digest()[:2]
    return base64.b32encode(key + checksum + b"\x03").decode().lower() + ".onion"


def _torrc(network: TorNetwork, name: str, authority: str, own: str) -> str:
    shared = _COMMON.format(folder=network.folder / name, owner=os.getpid())
    return f"{shared}DirAuthority {authority}\n{own}"


def _start_routers(
    network: TorNetwork, authority: str, orports: list[int], dirport: int, votes: tuple[int, int]
) -> None:
    interval, lead = votes
    offset = (int(time.time()) + lead) % interval
    voting = _AUTHORITY.format(dirport=dirport, offset=offset, interval=interval)
    router = _ROUTER.format(name="authority", orport=orports[0]) + voting
    network.start("authority", _torrc(network, "authority", authority, router))
    for number, orport in enumerate(orports[1:], 1):
        name = f"relay{number}"
        router = _ROUTER.format(name=name, orport=orport) + "DirCache 0\n"
        network.start(name, _torrc(network, name, authority, router))


def _authority_line(folder: Path, orport: int, dirport: int) -> str:
    keys = folder / "authority" / "keys"
    keys.mkdir(mode=0o700, parents=True)
    keys.parent.chmod(0o700)
    command = ["tor-gencert", "--create-identity-key", "--passphrase-fd", "0", "-m", "12"]
    files = ["-i", "authority_identity_key", "-s", "authority_signing_key", "-c", "authority_certificate"]
    subprocess.run(
        [*command, *files, "-a", f"127.0.0.1:{dirport}"],
        cwd=keys,
        input=secrets.token_hex(8).encode() + b"\n",
        check=True,
        capture_output=True,
        timeout=60,
    )
    certificate = (keys / "authority_certificate").read_text()
    found = re.search(r"^fingerprint ([0-9A-F]{40})$", certificate, re.MULTILINE)
    if found is None:
        raise TorNotReady("tor-gencert wrote a certificate without a fingerprint")
    fingerprint = _router_fingerprint(folder, orport)
    return f"authority orport={orport} no-v2 v3ident={found[1]} 127.0.0.1:{dirport} {fingerprint}"


def _router_fingerprint(folder: Path, orport: int) -> str:
    torrc = folder / "fingerprint.torrc"
    torrc.write_text(f"DataDirectory {folder / 'authority'}\nORPort 127.0.0.1:{orport}\nNickname authority\n")
    command = [
        "tor",
        "--defaults-torrc",
        str(folder / "empty"),
        "-f",
        str(torrc),
        "--list-fingerprint",
        "--quiet",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return (folder / "authority" / "fingerprint").read_text().split()[-1]


def _consensus_lists_all(dirport: int) -> bool:
    """Whether there is a consensus. Raises `TorNotReady` if it misses a router."""
    found = _routers_in_consensus(dirport)
    if 0 < found < ROUTERS:
        raise TorNotReady(
            f"the first vote has {found} of {ROUTERS} routers, and the next is half an hour away"
        )
    return found == ROUTERS


def _routers_in_consensus(dirport: int) -> int:
    url = f"http://127.0.0.1:{dirport}/tor/status-vote/current/consensus"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return len(re.findall(rb"^r ", answer.read(1_000_000), re.MULTILINE))
    except (urllib.error.URLError, OSError):
        return 0


def _has_bootstrapped(folder: Path) -> bool:
    log = folder / "log"
    return log.exists() and "Bootstrapped 100%" in log.read_text(errors="replace")


def _socks_connects(port: int, host: str) -> bool:
    """Whether a SOCKS5 CONNECT to port 80 of the onion succeeds (RFC 1928)."""
    name = host.encode()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
            connection.sendall(b"\x05\x01\x00")
            if connection.recv(2) != b"\x05\x00":
                return False
            connection.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + (80).to_bytes(2, "big"))
            return connection.recv(10)[1:2] == b"\x00"
    except OSError:
        return False


def _wait_until_ready(ready: Callable[[], bool], what: str, network: TorNetwork) -> None:
    if not ready_in_time(ready, network.processes.values(), timeout_s=READY_TIMEOUT_S, poll_s=POLL_S):
        ended = [name for name, process in network.processes.items() if process.poll() is not None]
        raise TorNotReady(f"waited for {what} in vain; ended processes: {', '.join(ended) or 'none'}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
