"""Private keys, their certificates, and the keys of agents."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import paramiko
from paramiko.agent import AgentSSH
from paramiko.message import Message

from paramedic.safe.errors import BadConfiguration

_LOG = logging.getLogger("paramedic.safe")
_PKCS8 = re.compile(rb"\s*-----BEGIN (ENCRYPTED )?PRIVATE KEY-----")


def load_key(path: str, passphrase: str | None = None) -> Any:
    """Reads a private key file of any kind that Paramiko knows; None if there is no such file.

    Keys that are named in configurations often are not there, or only their public halves are, for an agent.

    Raises:
        BadConfiguration: the file is there and cannot be used: a wrong or missing passphrase, another format.

    Threads: any thread. It reads files; a passphrase costs about 0.1 s of CPU.
    """
    path = os.path.expanduser(path).removesuffix("-cert.pub")
    if os.path.isdir(path):
        raise BadConfiguration(f"{path} is a directory", hint="name the private key's file")
    if not os.path.isfile(path):
        return None
    trouble: Exception | None = None
    text = _as_openssh(path, passphrase)
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            if text is not None:
                return kind.from_private_key(io.StringIO(text))
            return kind.from_private_key_file(path, passphrase)
        except paramiko.PasswordRequiredException as error:
            raise BadConfiguration(f"{path} needs a passphrase", hint="give passphrase=, or use an agent") from error
        except (paramiko.SSHException, ValueError, IndexError, UnicodeDecodeError) as error:
            if trouble is None or "encountered" in str(trouble):  # a key of another kind
                trouble = error
        except OSError as error:
            raise BadConfiguration(f"{path}: {error.strerror}", hint="may you read it?") from error
    hint = "is the passphrase right?" if passphrase else "Paramiko reads Ed25519, ECDSA and RSA keys"
    raise BadConfiguration(f"{path} cannot be used: {trouble}", hint=hint)


def _as_openssh(path: str, passphrase: str | None) -> str | None:
    """The key of a file in PKCS#8, which ssh takes and Paramiko does not; None for a file of another format.

    Raises:
        BadConfiguration: the passphrase is wrong or missing.
    """
    from cryptography.hazmat.primitives import serialization

    try:
        data = Path(path).read_bytes()
    except OSError:
        return None  # told by who reads it next
    if _PKCS8.match(data) is None:
        return None
    try:
        key: Any = serialization.load_pem_private_key(data, passphrase.encode() if passphrase else None)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        return bytes(key.private_bytes(*form)).decode()
    except TypeError as error:
        if passphrase:  # given for another key; this one has none
            return _as_openssh(path, None)
        raise BadConfiguration(f"{path} needs a passphrase", hint="give passphrase=, or use an agent") from error
    except Exception as error:  # cryptography's own for algorithms, ValueError for passphrases
        hint = "is the passphrase right?" if passphrase else "Paramiko reads Ed25519, ECDSA and RSA keys"
        raise BadConfiguration(f"{path} cannot be used: {error}", hint=hint) from error


def certificate_files(paths: Iterable[str], named: Sequence[str]) -> list[str]:
    """The certificate files that may belong to key files: those that are named, else those beside them, as in ssh.

    Threads: any thread. It looks at files.
    """
    beside = (os.path.expanduser(path).removesuffix("-cert.pub") + "-cert.pub" for path in paths)
    return [file for file in dict.fromkeys(named or beside) if os.path.isfile(file)]


def with_certificates(load: Callable[[], Any], files: Sequence[str]) -> list[Any]:
    """The key that ``load`` gives, with each of the certificates that is for it.

    Args:
        load: gives the key anew: Paramiko keeps the certificate in the key.
        files: certificate files.

    Threads: any thread. It reads files.
    """
    found = []
    for file in files:
        with contextlib.suppress(paramiko.SSHException, ValueError, OSError, UnicodeDecodeError):
            key = load()
            key.public_blob = paramiko.pkey.PublicBlob.from_file(file)
            if _is_for(key.public_blob.key_blob, key.asbytes()):
                found.append(key)
    return found


def _is_for(certificate: bytes, public: bytes) -> bool:
    # A certificate is: a type, a nonce, and then what a public key has behind its type (OpenSSH PROTOCOL.certkeys).
    ours, theirs = Message(public), Message(certificate)
    ours.get_string()
    theirs.get_string()
    theirs.get_string()
    rest = ours.get_remainder()
    return bool(rest) and theirs.get_remainder().startswith(rest)


def public_blob(path: str, passphrase: str | None = None) -> bytes | None:
    """The public half of a key file, from ``path`` or from the file with ``.pub`` beside it; None if neither says.

    Threads: any thread. It reads files.
    """
    path = os.path.expanduser(path)
    for file in (path, f"{path}.pub"):
        with contextlib.suppress(OSError, ValueError, IndexError, UnicodeDecodeError, paramiko.SSHException):
            blob = paramiko.pkey.PublicBlob.from_file(file).key_blob
            return bytes(blob)
    with contextlib.suppress(BadConfiguration):
        key = load_key(path, passphrase)
        return None if key is None else bytes(key.asbytes())
    return None


@contextlib.contextmanager
def agent_keys(socket_path: str | None, limit_s: float) -> Iterator[tuple[Any, ...]]:
    """The keys of an agent, usable inside of the ``with`` block; none if there is no agent, or it makes no sense.

    Args:
        socket_path: where it listens; None for the environment's, "none" for none.
        limit_s: how long each of its answers may take, in seconds; on Windows there is no limit.

    Threads: any thread. It waits for the agent.
    """
    path = os.environ.get("SSH_AUTH_SOCK") if socket_path is None else socket_path
    agent: Any = None
    conn: socket.socket | None = None
    try:
        # paramiko.Agent reads SSH_AUTH_SOCK only, and the environment belongs to all threads; it has no limits.
        if os.name == "nt" and socket_path is None:
            agent = paramiko.Agent()
        elif path and path != "none":
            agent = AgentSSH()
            conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            conn.settimeout(limit_s)
            conn.connect(path)
            agent._connect(conn)
        found = () if agent is None else tuple(agent.get_keys())
        for key in found:
            if not hasattr(key, "public_blob"):  # of a type that Paramiko does not know, a token's (3.2 to 3.5)
                key.public_blob = None
    except Exception:  # whatever it is that listens there: there are other ways to log in
        _LOG.debug("the agent at %s is of no use", path, exc_info=True)
        if conn is not None:
            conn.close()
        agent, found = None, ()
    try:
        yield found
    finally:
        if agent is not None:
            agent._close()


def has_limit(key: Any) -> bool:
    """Whether an agent's key signs in limited time, or fails.

    Threads: any thread; it does not block.
    """
    limit = getattr(getattr(key.agent, "_conn", None), "gettimeout", lambda: None)
    return limit() is not None
