"""A real Tor network on loopback: one directory authority, three relays, a client and an onion service.

Order of a start:
1. the authority's keys are made (tor-gencert), its fingerprint is read;
2. authority and relays start, with the first vote 8 s ahead or more (an earlier vote misses relays for half
   an hour, or gives every relay a bandwidth weight of zero);
3. the authority's directory port serves a consensus that lists all four routers;
4. only then the client and the onion service start, and the network is ready once the client has bootstrapped
   and the service's descriptor can be fetched.
Nothing leaves loopback: every address is 127.0.0.1, no relay is an exit, no public authority is known.
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

READY_TIMEOUT_S = 60.0  # for each step of a start; all of them take 15 s on a quiet machine
POLL_S = 0.1
ROUTERS = 4
#: The initial voting interval, and how far ahead of the start the first vote is, in seconds; a pair a start.
#: A busy machine, which starts a relay too late for the first vote, gets more time with each.
VOTES = ((10, 8), (20, 17), (30, 27))

_EVERYONE = """
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
    """tor was not found: install the package `tor` (Debian: apt-get install --no-install-recommends tor)."""


class TorNotReady(RuntimeError):
    """The private Tor network was not ready in time."""


@dataclass
class TorNetwork:
    """A running network: `onion` is the service's host name, `socks` the client's port on 127.0.0.1.

    `plain` is another one of its ports, without `ExtendedErrors`. The service's port 80 leads to the target,
    81 to nobody, and it has no other. `locked` is a second service, which wants a key that nobody has.
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
        """Ends one of the six tor processes at once, as a crash would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(10)

    def start(self, name: str, torrc: str) -> None:
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        (self.folder / f"{name}.torrc").write_text(torrc)
        self._launch(name)

    def start_again(self, name: str) -> None:
        """One that was killed; returns when the client can reach the service again."""
        (self.folder / name / "log").unlink(missing_ok=True)
        self._launch(name)
        _wait(lambda: _bootstrapped(self.folder / name), f"{name}'s bootstrap", self)
        _wait(lambda: _socks_connects(self.socks, self.onion), "the onion service's descriptor", self)

    def _launch(self, name: str) -> None:
        torrc = self.folder / f"{name}.torrc"
        command = ["tor", "--defaults-torrc", str(self.folder / "empty"), "-f", str(torrc), "--quiet"]
        self.processes[name] = subprocess.Popen(command)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """One of the six is there, and does nothing."""
        self.processes[name].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.processes[name].send_signal(signal.SIGCONT)

    def circuits(self) -> dict[str, set[str]]:
        """Ids of the client's circuits by the SOCKS user name that they belong to (control-spec)."""
        found: dict[str, set[str]] = {}
        for line in self._told("GETINFO circuit-status"):
            if (name := re.search(r'SOCKS_USERNAME="([^"]*)"', line)) is not None:
                found.setdefault(name[1], set()).add(line.split()[0])
        return found

    def _told(self, command: str) -> list[str]:
        """What the client's control port answers."""
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
        """Stop everything and leave no file."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def tor_network(target_port: int) -> Iterator[TorNetwork]:
    """A network whose onion service forwards its port 80 to 127.0.0.1:`target_port`, where somebody listens.

    A vote that missed a relay does not heal for half an hour (a busy machine may start one too late), so such
    a network is made anew, with more time before the vote.
    """
    if shutil.which("tor") is None or shutil.which("tor-gencert") is None:
        raise TorMissing(TorMissing.__doc__)
    network = _started(target_port)
    try:
        yield network
    finally:
        network.remove()


def _started(target_port: int) -> TorNetwork:
    for votes in VOTES:
        network = _prepared()
        try:
            _start(network, target_port, votes)
        except BaseException as error:
            network.remove()
            if not isinstance(error, TorNotReady) or votes == VOTES[-1]:
                raise
        else:
            return network
    raise AssertionError("the last start returns or raises")


def _prepared() -> TorNetwork:
    socks, plain, control = _free_ports(3)
    folder = Path(tempfile.mkdtemp(prefix="tor-network-"))
    (folder / "empty").touch()
    return TorNetwork(folder=folder, socks=socks, plain=plain, control=control)


def _start(network: TorNetwork, target_port: int, votes: tuple[int, int]) -> None:
    """Steps 1 to 4 of this module."""
    dirport, *orports = _free_ports(1 + ROUTERS)
    folder = network.folder
    authority = _authority_line(folder, orports[0], dirport)
    _start_routers(network, authority, orports, dirport, votes)
    _wait(lambda: _consensus_lists_all(dirport), "a consensus", network)
    client = _CLIENT.format(socks=network.socks, plain=network.plain, control=network.control)
    network.start("client", _torrc(network, "client", authority, client))
    onion = _ONION.format(folder=folder / "onion", target=target_port)
    _lock(folder / "onion" / "locked")
    network.start("onion", _torrc(network, "onion", authority, onion))
    hostname = folder / "onion" / "service" / "hostname"
    _wait(hostname.exists, "the onion service's name", network)
    network.onion = hostname.read_text().strip()
    network.locked = (folder / "onion" / "locked" / "hostname").read_text().strip()
    _wait(lambda: _bootstrapped(folder / "client"), "the client's bootstrap", network)
    _wait(lambda: _socks_connects(network.socks, network.onion), "the onion service's descriptor", network)


def _lock(service: Path) -> None:
    """Let in whoever holds the secret key of this public one, which was never made."""
    clients = service / "authorized_clients"
    clients.mkdir(parents=True)
    for folder in (service.parent, service, clients):
        folder.chmod(0o700)
    key = base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=")
    (clients / "nobody.auth").write_text(f"descriptor:x25519:{key}\n")


def unpublished_onion() -> str:
    """A well-formed v3 address that no service has (rend-spec-v3, section 6)."""
    key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    checksum = hashlib.sha3_256(b".onion checksum" + key + b"\x03").digest()[:2]
    return base64.b32encode(key + checksum + b"\x03").decode().lower() + ".onion"


def _torrc(network: TorNetwork, name: str, authority: str, own: str) -> str:
    shared = _EVERYONE.format(folder=network.folder / name, owner=os.getpid())
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
    """Whether there is one; raises `TorNotReady` for one that misses a router."""
    found = _routers_in_consensus(dirport)
    if 0 < found < ROUTERS:
        raise TorNotReady(
            f"the first vote knew {found} of {ROUTERS} routers, and the next is half an hour away"
        )
    return found == ROUTERS


def _routers_in_consensus(dirport: int) -> int:
    url = f"http://127.0.0.1:{dirport}/tor/status-vote/current/consensus"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return len(re.findall(rb"^r ", answer.read(1_000_000), re.MULTILINE))
    except (urllib.error.URLError, OSError):
        return 0


def _bootstrapped(folder: Path) -> bool:
    log = folder / "log"
    return log.exists() and "Bootstrapped 100%" in log.read_text(errors="replace")


def _socks_connects(port: int, host: str) -> bool:
    """Whether a SOCKS5 CONNECT to the onion's port 80 is answered with success (RFC 1928)."""
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


def _wait(ready: Callable[[], bool], what: str, network: TorNetwork) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not ready():
        dead = [name for name, process in network.processes.items() if process.poll() is not None]
        if dead or time.monotonic() > deadline:
            raise TorNotReady(f"waited for {what}; ended processes: {dead or 'none'}")
        time.sleep(POLL_S)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
