"""Proving who we are, with what the caller and the configuration offer, in OpenSSH's order."""

from __future__ import annotations

import importlib.util
import os
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import paramiko

from paramedic.safe import keys
from paramedic.safe.destination import Credentials, Destination, default_keys
from paramedic.safe.errors import AuthFailed, BadConfiguration
from paramedic.safe.key_login import by_key
from paramedic.safe.link import Link
from paramedic.safe.result import Limits

Attempt = Callable[[], list[str]]


class Authenticator:
    """Logs connections in; keys are read once.

    Threads: every method may be called by any thread.
    """

    def __init__(self, credentials: Credentials, limits: Limits) -> None:
        """Keeps what all logins have in common.

        Threads: any thread; it does not block.
        """
        self._credentials = credentials
        self._limits = limits
        self._lock = threading.Lock()
        self._keys: dict[tuple[str, tuple[str, ...]], list[Any]] = {}
        self._aside: dict[str, str] = {}

    def authenticate(self, destination: Destination, link: Link) -> None:
        """Tries one method after the other until the server is content.

        Raises:
            AuthFailed: it is not, or hangs up.
            BadConfiguration: a key file that the caller named cannot be used.

        Threads: any thread but the reader. It blocks; a callback for questions is called on this thread.
        """
        tried: list[str] = []
        allowed: set[str] | None = None
        said = ""
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
                if not link.is_active() or "timeout" in str(error):
                    # An answer that comes yet would be taken for that to the next method.
                    raise self._denied(destination, tried, link.farewell or str(error)) from error
                said = "" if "Authentication failed" in str(error) else str(error)  # there is no ticket, for example
                continue
            except (paramiko.SSHException, EOFError, OSError) as error:
                if link.is_active():
                    continue  # this key could not sign; the next may
                denied = self._denied(destination, tried, link.farewell or str(error) or "the server hung up")
                # A server that has enough of us says so before it hangs up; this is its end, or the network's.
                denied.passing = isinstance(error, ConnectionError) and len(tried) == 1
                raise denied from error
            if link.is_authenticated():
                return
            # A step succeeded and the server wants another one (RFC 4252 section 5.1, "partial success").
            allowed = set(more) if more else None
        raise self._denied(destination, tried, said)

    def _denied(self, destination: Destination, tried: list[str], why: str) -> AuthFailed:
        missing = [path for path in self._credentials.key_filenames if not os.path.exists(os.path.expanduser(path))]
        nothing = "nothing: no key, no agent and no password was given"
        if missing:
            nothing = f"nothing: there is no file {', '.join(missing)}"
        with self._lock:
            paths = dict.fromkeys((*destination.key_filenames, *default_keys()))
            aside = [self._aside[path] for path in paths if path in self._aside]
        if aside:
            nothing = "nothing"
            why += f"{'; ' if why else ''}not used: {', '.join(aside)}"
        what = ", ".join(tried) or nothing
        hint = "name the one key that it is to be (IdentitiesOnly in ssh_config)" if "Too many auth" in why else None
        return AuthFailed(
            f"{destination.username} was not accepted; tried {what}" + (f": {why}" if why else ""),
            host=destination.label,
            phase="auth",
            hint=hint,
        )

    def _methods(self, destination: Destination, link: Link) -> Iterator[tuple[str, Attempt]]:
        mine = self._credentials
        user = destination.username
        answered: set[bytes] = set()  # keys: a server takes only so many tries (MaxAuthTries), and none twice
        # Gone since Paramiko 4. Debian's ssh_config asks for it, and most who have that have no Python module for it.
        if (mine.gss or destination.gss) and _has_gssapi():
            yield "gssapi-with-mic", lambda: _by_ticket(link, destination)
        elif mine.gss:
            yield "gssapi-with-mic", _without_gssapi
        if mine.pkey is not None:
            yield "publickey (given)", partial(_offer, link, user, mine.pkey, answered)
        named = (*mine.key_filenames, *destination.key_filenames)
        yield from self._files(named, destination, link, answered)
        if mine.allow_agent:
            with keys.agent_keys(destination.agent_socket, self._limits.auth) as found:
                for key in self._of_agent(found, destination):
                    if _public(key) not in answered:
                        yield "publickey (agent)", partial(_offer, link, user, key, answered)
        if mine.look_for_keys and not named:
            yield from self._files(default_keys(), destination, link, answered)
        if mine.prompt is not None or mine.password is not None:
            yield "keyboard-interactive", lambda: self._interactive(link, user, destination.label)
        if mine.password is not None:
            yield "password", lambda: link.auth_password(user, mine.password, fallback=False)

    def _files(
        self, paths: tuple[str, ...], destination: Destination, link: Link, answered: set[bytes]
    ) -> Iterator[tuple[str, Attempt]]:
        for path in paths:
            for key in self._of_file(path, destination):
                if _public(key) not in answered:
                    yield f"publickey {path}", partial(_offer, link, destination.username, key, answered)

    def _of_agent(self, found: tuple[Any, ...], destination: Destination) -> list[Any]:
        # What an agent has may be used with a certificate that it does not have: nobody need tell us a passphrase then.
        named = (*self._credentials.key_filenames, *destination.key_filenames) or default_keys()
        files = keys.certificate_files(named, destination.certificate_filenames)
        offered: list[Any] = []
        for key in found:
            anew = partial(paramiko.AgentKey, key.agent, key.blob)
            offered += (*keys.with_certificates(anew, files), key)
        if not destination.identities_only:
            return offered
        # ssh_config(5): only the configured keys, even if the agent offers more; it may be the only one who has them.
        wanted = [keys.public_blob(path) for path in destination.key_filenames]
        return [key for key in offered if key.asbytes() in wanted]

    def _of_file(self, path: str, destination: Destination) -> list[Any]:
        """The key of a file with its certificates, if there are any, and the key alone."""
        slot = (path, destination.certificate_filenames)
        with self._lock:
            if slot in self._keys:
                return self._keys[slot]
        passphrase = self._credentials.passphrase or self._credentials.password
        found: list[Any] = []
        try:
            key = keys.load_key(path, passphrase)
            if key is not None:
                files = keys.certificate_files([path], destination.certificate_filenames)
                found = [*keys.with_certificates(partial(keys.load_key, path, passphrase), files), key]
        except BadConfiguration as error:
            if path in self._credentials.key_filenames:
                error.host, error.phase = destination.label, "auth"
                raise
            # Configurations and ~/.ssh name keys that an agent has unlocked, or that are of no use here.
            with self._lock:
                self._aside[path] = error.message
        with self._lock:
            return self._keys.setdefault(slot, found)

    def _interactive(self, link: Link, user: str, host: str) -> list[str]:
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
                try:
                    given = self._answers(*question)
                except Exception as error:
                    raise AuthFailed(
                        f"the callback that answers questions failed: {type(error).__name__}: {error}",
                        host=host,
                        phase="auth",
                        hint="credentials.prompt returns one answer for each question",
                    ) from error
                answers.put(given)
        finally:
            answers.put([])  # an exception in the callback must not leave the reader waiting
        thread.join(self._limits.auth + 5)
        result = outcome[0] if outcome else paramiko.AuthenticationException("no answer")
        if isinstance(result, BaseException):
            raise result
        return list(result)

    def _answers(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        if self._credentials.prompt is not None:
            return [str(answer) for answer in self._credentials.prompt(title, instructions, prompts)]
        # A password stands in for a person only where one hidden thing is asked for.
        return [self._credentials.password or ""] if len(prompts) == 1 and not prompts[0][1] else []


def _offer(link: Link, user: str, key: Any, answered: set[bytes]) -> list[str]:
    """Logs in with a key, and notes that the server has answered, whatever it said; not if the key cannot sign."""
    try:
        more = by_key(link, user, key)
    except paramiko.AuthenticationException:
        answered.add(_public(key))
        raise
    answered.add(_public(key))
    return more


def _public(key: Any) -> bytes:
    certificate = getattr(key, "public_blob", None)
    return bytes(certificate.key_blob if certificate else key.asbytes())


def _has_gssapi() -> bool:
    # Paramiko looks for pyasn1 too late, on its own thread.
    return getattr(paramiko, "GSS_AUTH_AVAILABLE", False) and importlib.util.find_spec("pyasn1") is not None


def _without_gssapi() -> list[str]:
    raise paramiko.AuthenticationException("this Paramiko cannot; pip install 'paramiko[gssapi]<4' gives one that can")


def _by_ticket(link: Link, destination: Destination) -> list[str]:
    user, host, delegate = destination.username, destination.hostname, destination.gss_delegate
    try:
        return cast(list[str], link.auth_gssapi_with_mic(user, host, delegate))
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error):
            # The server did not like the ticket. Paramiko waits for another answer to it, for ever (2.12 to 3.5), and
            # would take those to the next methods for it.
            link.close()
            raise paramiko.AuthenticationException("the server does not accept the Kerberos ticket") from error
        raise
    except (paramiko.SSHException, EOFError, OSError):
        raise
    except Exception as error:  # of gssapi or of Windows' SSPI, which need not be there to be named
        raise paramiko.AuthenticationException(f"no Kerberos ticket: {error}") from error
