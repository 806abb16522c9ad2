"""Making a connection: dial, shake hands, check the host key, prove who we are; a limit for each step."""

from __future__ import annotations

import copy
import dataclasses
import random
import socket
import threading
import time
from typing import Any, cast

import paramiko

from paramedic.safe.authentication import Authenticator
from paramedic.safe.destination import Credentials, Destination
from paramedic.safe.errors import ConnectFailed, HostKeyError
from paramedic.safe.known_hosts import KnownHosts, Policy
from paramedic.safe.link import Link
from paramedic.safe.proxy import Proxy
from paramedic.safe.result import Limits
from paramedic.safe.wire import Wire

_UNAUTHENTICATED = 8
_JUMP_REMEMBERED_S = 5.0


@dataclasses.dataclass(slots=True, eq=False)
class _Bastion:
    """What is known of one jump host, under its own lock."""

    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    link: Link | None = None
    error: ConnectFailed | None = None
    failed_at: float = 0.0


class Connector:
    """Makes connections for pools, and keeps those to jump hosts, which many hosts share.

    Threads: every method may be called by any thread.
    """

    def __init__(
        self,
        credentials: Credentials,
        known_hosts: KnownHosts | None,
        limits: Limits,
        *,
        disabled_algorithms: dict[str, Any] | None = None,
    ) -> None:
        """Keeps what all connections have in common.

        Args:
            credentials: what proves who we are, to jump hosts too.
            known_hosts: whose keys are trusted; None takes what each destination's configuration says.
            limits: how long each step may take.
            disabled_algorithms: as for ``paramiko.Transport``.

        Raises:
            TypeError: ``known_hosts`` is a file's name, which says nothing of what is trusted.

        Threads: any thread; it does not block.
        """
        if known_hosts is not None and not isinstance(known_hosts, KnownHosts):
            raise TypeError(f"known_hosts is to be a KnownHosts: known_hosts=KnownHosts({str(known_hosts)!r})")
        self.limits = limits
        self._authenticator = Authenticator(credentials, limits)
        self._known_hosts = known_hosts
        self._disabled = disabled_algorithms
        self._lock = threading.Lock()
        self._known: dict[tuple[tuple[str, ...], str | None, bool], KnownHosts] = {}
        self._bastions: dict[tuple[Destination, ...], _Bastion] = {}
        self._under_way: set[Wire] = set()
        self._gates: dict[tuple[str, int], threading.Semaphore] = {}
        self._closed = False

    def connect(self, destination: Destination) -> Link:
        """Makes an authenticated connection. Whatever goes wrong, nothing is left behind.

        Raises:
            ConnectFailed: the host cannot be reached, or does not speak SSH, in time.
            HostKeyError: its key is not acceptable.
            AuthFailed: it does not accept us.

        Threads: any thread but one that reads a connection. It blocks, for the limits' sum at most.
        """
        with self._gate(destination):
            if destination.proxy_command is not None and not destination.jumps:
                return self._through_proxy(destination, destination.proxy_command)
            return self._shake_hands(destination, Wire(self._dial(destination)))

    def _gate(self, destination: Destination) -> threading.Semaphore:
        # sshd drops some of more than ten connections that have not authenticated yet (MaxStartups 10:30:100).
        with self._lock:
            return self._gates.setdefault(
                (destination.hostname, destination.port), threading.Semaphore(_UNAUTHENTICATED)
            )

    def close(self) -> None:
        """Closes the connections to jump hosts and those that are being made.

        Threads: any thread, any number of times; it does not block.
        """
        with self._lock:
            self._closed = True
            under_way = list(self._under_way)
            links = [bastion.link for bastion in self._bastions.values() if bastion.link is not None]
            self._bastions.clear()
        for wire in under_way:
            wire.close()
        for link in links:
            link.close()

    def abandon_after_fork(self) -> None:
        """In a forked child: nobody connects here, and who held its lock is not there.

        Threads: the child's only thread; it does not block.
        """
        self._lock = threading.Lock()
        self._closed = True
        self._bastions, self._under_way = {}, set()

    # -- dialling

    def _through_proxy(self, destination: Destination, command: str) -> Link:
        for pause_s in (0.05, 0.1, 0.2, None):
            try:
                proxy = Proxy(command)
            except OSError as error:
                raise ConnectFailed(
                    f"the ProxyCommand cannot be started: {error.strerror}", host=destination.label, phase="connect"
                ) from error
            try:
                return self._shake_hands(destination, Wire(proxy.sock, on_close=proxy.stop), proxy)
            except ConnectFailed as error:
                said = proxy.failure()
                if error.phase not in ("banner", "key exchange") or said is None:
                    raise
                words, passing = said
                if passing is not None or pause_s is None or self._closed:
                    failure = ConnectFailed(
                        words,
                        host=destination.label,
                        phase="banner" if passing else "connect",
                        hint="run it by hand to see what it says",
                    )
                    failure.passing = bool(passing)
                    raise failure from error
            finally:
                proxy.let_go()
            time.sleep(pause_s * (0.5 + random.random()))
        raise AssertionError("the last attempt returns or raises")

    def _dial(self, destination: Destination) -> Any:
        if destination.jumps:
            return self._through_bastion(destination)
        timeout = destination.connect_timeout_s or self.limits.connect
        try:
            return _socket_to(destination, timeout)
        except socket.gaierror as error:
            raise ConnectFailed(
                f"the name {destination.hostname!r} cannot be resolved: {error.strerror}",
                host=destination.label,
                phase="connect",
                hint="check the name, or HostName in ssh_config",
            ) from error
        except TimeoutError as error:
            raise ConnectFailed(
                f"{destination.hostname} port {destination.port} did not answer within {timeout:g} s",
                host=destination.label,
                phase="connect",
                hint="is the host up, and is a firewall in between?",
            ) from error
        except (OSError, UnicodeError) as error:
            hint = "is there a route to it, and does a firewall refuse?"
            if isinstance(error, ConnectionRefusedError):
                hint = "does sshd listen there?"
            elif isinstance(error, UnicodeError):
                hint = "no name of a host looks like that"
            raise ConnectFailed(
                f"{destination.hostname} port {destination.port}: {getattr(error, 'strerror', None) or error}",
                host=destination.label,
                phase="connect",
                hint=hint,
            ) from error

    def _through_bastion(self, destination: Destination) -> Any:
        jumps = destination.jumps
        with self._lock:
            bastion = self._bastions.setdefault(jumps, _Bastion())
        try:
            link = self._link_to(bastion, dataclasses.replace(jumps[-1], jumps=jumps[:-1]))
        except ConnectFailed as error:
            mine = copy.copy(error)  # many hosts may share the failure, each with its own traceback
            mine.message = f"jump host {jumps[-1].label}: {error.message}"
            mine.host = destination.label
            raise mine from error
        try:
            return link.open_channel(
                "direct-tcpip",
                (destination.hostname, destination.port),
                ("127.0.0.1", 0),
                timeout=destination.connect_timeout_s or self.limits.connect,
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise ConnectFailed(
                f"jump host {jumps[-1].label} cannot reach {destination.hostname} port {destination.port}: {error}",
                host=destination.label,
                phase="connect",
                hint="is forwarding allowed there (AllowTcpForwarding)?",
            ) from error

    def _link_to(self, bastion: _Bastion, jump: Destination) -> Link:
        with bastion.lock:  # one thread connects to the jump host, the others wait for it
            if bastion.link is not None and bastion.link.is_active():
                return bastion.link
            if bastion.error is not None and time.monotonic() - bastion.failed_at < _JUMP_REMEMBERED_S:
                raise bastion.error
            try:
                link = self.connect(jump)
            except ConnectFailed as error:
                # Hundreds of hosts behind a dead jump host must not wait for it one after the other.
                if not error.passing:  # those that pass are tried again
                    bastion.error, bastion.failed_at = error, time.monotonic()
                raise
            link.set_keepalive(jump.keepalive_s or self.limits.keepalive)
            bastion.link, bastion.error = link, None
        with self._lock:
            closed = self._closed
        if closed:
            link.close()
        return link

    # -- hands

    def _shake_hands(self, destination: Destination, wire: Wire, proxy: Proxy | None = None) -> Link:
        link: Link | None = None
        try:
            with self._lock:
                self._under_way.add(wire)
                if self._closed:
                    raise ConnectFailed("the pool was closed", host=destination.label, phase="connect")
            link = Link(wire, disabled_algorithms=self._disabled)
            link.banner_timeout = link.handshake_timeout = destination.connect_timeout_s or self.limits.banner
            link.auth_timeout = self.limits.auth
            link.use_compression(destination.compress)
            known_hosts = self._known_for(destination)
            name = destination.host_key_alias or destination.hostname
            port = 22 if destination.host_key_alias else destination.port
            try:
                link.prefer_host_keys(known_hosts.key_types(name, port))
            except OSError as error:
                raise HostKeyError(
                    f"known hosts cannot be read: {error}",
                    phase="host key",
                    hint="is that a file, and may you read it?",
                ) from error
            self._negotiate(destination, link, proxy)
            known_hosts.verify(name, port, link.get_remote_server_key())
            self._authenticator.authenticate(destination, link)
            link.name = f"paramedic-{destination.label}"
            return link
        except BaseException as error:
            # Closing is for everything, KeyboardInterrupt included: no thread and no socket stays behind.
            if link is not None:
                link.close()
            wire.close()
            if link is not None and link.ident is not None and link is not threading.current_thread():
                link.join(5)
            if isinstance(error, ConnectFailed):
                error.host = destination.label  # KnownHosts knows only the name that keys are kept under
            raise
        finally:
            with self._lock:
                self._under_way.discard(wire)

    def _negotiate(self, destination: Destination, link: Link, proxy: Proxy | None) -> None:
        # The limit is for the banner and again for the key exchange; ssh's ConnectTimeout is for both together.
        limit_s, begun = link.banner_timeout, time.monotonic()
        try:
            link.start_client(timeout=limit_s if destination.connect_timeout_s else 2 * limit_s)
            if not link.initial_kex_done:
                raise TimeoutError
        except (paramiko.SSHException, EOFError, OSError) as error:
            # Paramiko wraps what happened to the banner, and says EOF when the time for the handshake is over.
            cause = error.__context__ if link.remote_version == "" and error.__context__ is not None else error
            silent = isinstance(cause, TimeoutError) or link.packetizer.handshake_expired
            if proxy is not None:
                # What it dies of says more than that it is gone; closing would have it end otherwise. A loaded machine
                # takes its time to tell that it is dead.
                proxy.wait(0.5 if silent or self._closed else 3.0)
            text = str(error) or "the server hung up"
            if silent:
                now = time.monotonic()
                quiet = now - link.wire.received_at > limit_s / 2
                text = f"nothing came for {limit_s:g} s" if quiet else f"it was not done after {now - begun:.3g} s"
            failure = ConnectFailed(
                f"the server did not complete the SSH handshake: {text}",
                host=destination.label,
                phase="key exchange" if link.remote_version else "banner",
            )
            failure.passing = not silent and isinstance(cause, EOFError | OSError)
            if failure.passing:
                failure.hint = "it may have too many unauthenticated connections (MaxStartups)"
            elif silent:
                failure.hint = "does something else listen on that port, or is the host overloaded?"
            elif isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
                failure.hint = "see its and our algorithms with `ssh -vv`, and with logging of paramiko.transport"
            else:
                failure.hint = "is that an SSH server, and what does `ssh -v` say?"
            raise failure from error

    def _known_for(self, destination: Destination) -> KnownHosts:
        if self._known_hosts is not None:
            return self._known_hosts
        key = (destination.known_hosts_files, destination.host_key_policy, destination.hash_known_hosts)
        with self._lock:
            known = self._known.get(key)
            if known is None:
                policy = cast(Policy, destination.host_key_policy or "strict")
                known = self._known[key] = KnownHosts(
                    *destination.known_hosts_files, policy=policy, hash_names=destination.hash_known_hosts
                )
            return known


def _socket_to(destination: Destination, timeout: float) -> socket.socket:
    """As ``socket.create_connection``, which takes addresses of any kind.

    Raises:
        OSError: the last address could not be reached.
    """
    address = destination.hostname, destination.port
    source = (destination.bind_address, 0) if destination.bind_address else None
    if destination.family is None:
        return socket.create_connection(address, timeout, source)
    family = socket.AF_INET6 if destination.family == "inet6" else socket.AF_INET
    trouble: OSError = OSError(f"no {destination.family} address")
    for _, kind, protocol, _, found in socket.getaddrinfo(*address, family, socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout)
            if source is not None:
                sock.bind(source)
            sock.connect(found)
            return sock
        except OSError as error:
            sock.close()
            trouble = error
    raise trouble
