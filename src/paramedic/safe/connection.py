"""Making a connection: dial, shake hands, check the host key, prove who we are; a limit for each step."""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import paramiko

from paramedic.safe.destination import Credentials, Destination, default_keys
from paramedic.safe.errors import AuthFailed, BadConfiguration, ConnectFailed
from paramedic.safe.known_hosts import KnownHosts, Policy
from paramedic.safe.link import Link
from paramedic.safe.result import Limits
from paramedic.safe.wire import Wire

_UNAUTHENTICATED = 8


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

        Threads: any thread; it does not block.
        """
        self.credentials = credentials
        self.limits = limits
        self._known_hosts = known_hosts
        self._disabled = disabled_algorithms
        self._lock = threading.Lock()
        self._known: dict[tuple[tuple[str, ...], str | None], KnownHosts] = {}
        self._bastions: dict[tuple[Destination, ...], tuple[threading.Lock, list[Link]]] = {}
        self._keys: dict[tuple[str, str | None], Any] = {}
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
            sock, on_close = self._dial(destination)
            return self._shake_hands(destination, Wire(sock, on_close=on_close))

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
            links = [link for _, shared in self._bastions.values() for link in shared]
            self._bastions.clear()
        for wire in under_way:
            wire.close()
        for link in links:
            link.close()

    # -- dialling

    def _dial(self, destination: Destination) -> tuple[Any, Callable[[], None] | None]:
        if destination.jumps:
            return self._through_bastion(destination), None
        if destination.proxy_command is not None:
            return _proxy(destination.proxy_command)
        timeout = destination.connect_timeout_s or self.limits.connect
        try:
            return socket.create_connection((destination.hostname, destination.port), timeout), None
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
            raise ConnectFailed(
                f"{destination.hostname} port {destination.port}: {getattr(error, 'strerror', None) or error}",
                host=destination.label,
                phase="connect",
                hint="does sshd listen there?" if isinstance(error, ConnectionRefusedError) else "",
            ) from error

    def _through_bastion(self, destination: Destination) -> Any:
        jumps = destination.jumps
        with self._lock:
            if self._closed:
                raise ConnectFailed("the pool was closed", host=destination.label, phase="connect")
            lock, shared = self._bastions.setdefault(jumps, (threading.Lock(), []))
        with lock:  # one thread connects to the jump host, the others wait for it
            bastion = shared[0] if shared and shared[0].is_active() else None
            if bastion is None:
                import dataclasses

                bastion = self.connect(dataclasses.replace(jumps[-1], jumps=jumps[:-1]))
                with self._lock:
                    closed = self._closed
                    shared[:] = [bastion]
                if closed:
                    bastion.close()
        try:
            return bastion.open_channel(
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

    # -- hands

    def _shake_hands(self, destination: Destination, wire: Wire) -> Link:
        link: Link | None = None
        try:
            with self._lock:
                self._under_way.add(wire)
                if self._closed:
                    raise ConnectFailed("the pool was closed", host=destination.label, phase="connect")
            link = Link(wire, disabled_algorithms=self._disabled)
            link.set_log_channel("paramiko.transport")
            link.banner_timeout = self.limits.banner
            link.handshake_timeout = self.limits.banner
            link.auth_timeout = self.limits.auth
            link.use_compression(destination.compress)
            known_hosts = self._known_for(destination)
            name = destination.host_key_alias or destination.hostname
            port = 22 if destination.host_key_alias else destination.port
            link.prefer_host_keys(known_hosts.key_types(name, port))
            self._negotiate(destination, link)
            known_hosts.verify(name, port, link.get_remote_server_key())
            self._authenticate(destination, link)
            link.name = f"paramedic-{destination.label}"
            return link
        except BaseException as error:
            # Closing is for everything, KeyboardInterrupt included: no thread and no socket stays behind.
            if link is not None:
                link.close()
            wire.close()
            if link is not None and link.ident is not None and link is not threading.current_thread():
                link.join(5)
            if isinstance(error, ConnectFailed) and not error.host:
                error.host = destination.label
            raise
        finally:
            with self._lock:
                self._under_way.discard(wire)

    def _negotiate(self, destination: Destination, link: Link) -> None:
        try:
            link.start_client(timeout=2 * self.limits.banner)
            if not link.initial_kex_done:
                raise paramiko.SSHException(f"no key exchange within {2 * self.limits.banner:g} s")
        except (paramiko.SSHException, EOFError, OSError) as error:
            text = str(error) or type(error).__name__
            banner = "banner" in text or isinstance(error, EOFError)
            busy = "it may have too many unauthenticated connections (MaxStartups)" if banner else ""
            raise ConnectFailed(
                f"the server did not complete the SSH handshake: {text}",
                host=destination.label,
                phase="banner" if banner else "key exchange",
                hint=busy,
            ) from error

    def _known_for(self, destination: Destination) -> KnownHosts:
        if self._known_hosts is not None:
            return self._known_hosts
        key = (destination.known_hosts_files, destination.host_key_policy)
        with self._lock:
            known = self._known.get(key)
            if known is None:
                policy = cast(Policy, destination.host_key_policy or "strict")
                known = self._known[key] = KnownHosts(*destination.known_hosts_files, policy=policy)
            return known

    # -- who we are

    def _authenticate(self, destination: Destination, link: Link) -> None:
        tried: list[str] = []
        allowed: set[str] | None = None
        for what, attempt in self._methods(destination, link):
            kind = what.split()[0]
            if allowed is not None and kind not in allowed:
                continue
            tried.append(what)
            try:
                more = attempt()
            except paramiko.BadAuthenticationType as error:
                allowed = set(error.allowed_types)
                continue
            except paramiko.AuthenticationException as error:
                if not link.is_active():
                    raise self._denied(destination, tried, str(error)) from error
                continue
            except (paramiko.SSHException, EOFError, OSError) as error:
                if link.is_active():
                    continue  # this key could not sign; the next may
                raise self._denied(destination, tried, str(error) or "the server hung up") from error
            if link.is_authenticated():
                return
            # A step succeeded and the server wants another one (RFC 4252 section 5.1, "partial success").
            allowed = set(more) if more else None
        raise self._denied(destination, tried, "")

    def _denied(self, destination: Destination, tried: list[str], why: str) -> AuthFailed:
        what = ", ".join(tried) or "nothing: no key, no agent and no password was given"
        return AuthFailed(
            f"{destination.username} was not accepted; tried {what}" + (f": {why}" if why else ""),
            host=destination.label,
            phase="auth",
        )

    def _methods(self, destination: Destination, link: Link) -> Iterator[tuple[str, Callable[[], list[str]]]]:
        mine = self.credentials
        user = destination.username
        if mine.gss or destination.gss:
            gss = getattr(link, "auth_gssapi_with_mic", None)  # gone since Paramiko 4
            if gss is not None:
                yield "gssapi-with-mic", lambda: gss(user, destination.hostname, True)
        if mine.pkey is not None:
            yield "publickey (given)", lambda: link.auth_publickey(user, mine.pkey)
        named = (*mine.key_filenames, *destination.key_filenames)
        for path in named:
            key = self._key(path, destination)
            if key is not None:
                yield f"publickey {path}", lambda key=key: link.auth_publickey(user, key)  # type: ignore[misc]
        if mine.allow_agent and not destination.identities_only:
            with _agent(destination.agent_socket) as agent_keys:
                for key in agent_keys:
                    yield "publickey (agent)", lambda key=key: link.auth_publickey(user, key)  # type: ignore[misc]
        if mine.look_for_keys and not named:
            for path in default_keys():
                key = self._key(path, destination)
                if key is not None:
                    yield f"publickey {path}", lambda key=key: link.auth_publickey(user, key)  # type: ignore[misc]
        if mine.prompt is not None or mine.password is not None:
            yield "keyboard-interactive", lambda: self._interactive(link, user)
        if mine.password is not None:
            yield "password", lambda: link.auth_password(user, mine.password, fallback=False)

    def _key(self, path: str, destination: Destination) -> Any:
        certificate = next((file for file in destination.certificate_filenames if os.path.isfile(file)), None)
        slot = (path, certificate)
        with self._lock:
            if slot in self._keys:
                return self._keys[slot]
        try:
            key = load_key(path, self.credentials.passphrase or self.credentials.password, certificate)
        except BadConfiguration:
            if path in self.credentials.key_filenames:
                raise
            key = None  # configurations and ~/.ssh name keys that an agent has unlocked, or that are of no use here
        with self._lock:
            return self._keys.setdefault(slot, key)

    def _interactive(self, link: Link, user: str) -> list[str]:
        """Has the questions answered on this thread: Paramiko asks on the one that reads the connection."""
        questions: queue.SimpleQueue[Any] = queue.SimpleQueue()
        answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        outcome: list[Any] = []

        def ask(title: str, instructions: str, prompts: Any) -> list[str]:
            if not prompts:
                return []
            questions.put((title, instructions, [(str(text), bool(echo)) for text, echo in prompts]))
            return answers.get()

        def run() -> None:
            try:
                outcome.append(link.auth_interactive(user, ask))
            except BaseException as error:
                outcome.append(error)
            finally:
                questions.put(None)

        thread = threading.Thread(target=run, name="paramedic-interactive", daemon=True)
        thread.start()
        try:
            while (question := questions.get()) is not None:
                given = self._answers(*question)
                answers.put(given)
        finally:
            answers.put([])  # an exception in the callback must not leave the reader waiting
        thread.join(self.limits.auth + 5)
        result = outcome[0] if outcome else paramiko.AuthenticationException("no answer")
        if isinstance(result, BaseException):
            raise result
        return list(result)

    def _answers(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        if self.credentials.prompt is not None:
            return [str(answer) for answer in self.credentials.prompt(title, instructions, prompts)]
        # A password stands in for a person only where one hidden thing is asked for.
        return [self.credentials.password or ""] if len(prompts) == 1 and not prompts[0][1] else []


def load_key(path: str, passphrase: str | None = None, certificate: str | None = None) -> Any:
    """Reads a private key file of any kind that Paramiko knows, and the certificate beside it if there is one.

    Returns None if there is no such file; keys that are named in configurations often are not there.

    Raises:
        BadConfiguration: the file is there and cannot be used: a wrong or missing passphrase, another format.

    Threads: any thread. It reads files; a passphrase costs about 0.1 s of CPU.
    """
    path = os.path.expanduser(path).removesuffix("-cert.pub")
    if not os.path.isfile(path):
        return None
    trouble: Exception | None = None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            key = kind.from_private_key_file(path, passphrase)
            break
        except paramiko.PasswordRequiredException as error:
            raise BadConfiguration(f"{path} needs a passphrase", hint="give passphrase=, or use an agent") from error
        except (paramiko.SSHException, ValueError, IndexError, UnicodeDecodeError) as error:
            trouble = trouble or error
        except OSError as error:
            raise BadConfiguration(f"{path}: {error.strerror}", hint="") from error
    else:
        hint = "is the passphrase right?" if passphrase else "Paramiko reads Ed25519, ECDSA and RSA keys"
        raise BadConfiguration(f"{path} cannot be used: {trouble}", hint=hint)
    beside = certificate or f"{path}-cert.pub"
    if os.path.isfile(beside):
        key.load_certificate(beside)
    return key


@contextlib.contextmanager
def _agent(socket_path: str | None) -> Iterator[tuple[Any, ...]]:
    if socket_path == "none" or (socket_path is None and not os.environ.get("SSH_AUTH_SOCK") and os.name != "nt"):
        yield ()
        return
    agent: Any
    if socket_path is None:
        agent = paramiko.Agent()
    else:
        # paramiko.Agent reads SSH_AUTH_SOCK only, and the environment belongs to all threads.
        from paramiko.agent import AgentSSH

        agent = AgentSSH()
        conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            conn.connect(socket_path)
            agent._connect(conn)
        except (OSError, paramiko.SSHException):
            conn.close()
            yield ()
            return
    try:
        yield tuple(agent.get_keys())
    finally:
        agent._close()


def _proxy(command: str) -> tuple[Any, Callable[[], None]]:
    """Runs a ProxyCommand on one end of a socket pair, so that its other end is a socket like any other."""
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()

    def stop() -> None:
        with contextlib.suppress(OSError):
            process.terminate()
        # Waiting here could block whoever closes; a thread collects the process.
        threading.Thread(target=process.wait, name="paramedic-proxy", daemon=True).start()

    return ours, stop
