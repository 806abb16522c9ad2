"""Private keys, their certificates, and the keys of agents."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import paramiko
from paramiko.message import Message

from paramedic.safe.errors import BadConfiguration


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
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key_file(path, passphrase)
        except paramiko.PasswordRequiredException as error:
            raise BadConfiguration(f"{path} needs a passphrase", hint="give passphrase=, or use an agent") from error
        except (paramiko.SSHException, ValueError, IndexError, UnicodeDecodeError) as error:
            trouble = trouble or error
        except OSError as error:
            raise BadConfiguration(f"{path}: {error.strerror}", hint="may you read it?") from error
    hint = "is the passphrase right?" if passphrase else "Paramiko reads Ed25519, ECDSA and RSA keys"
    raise BadConfiguration(f"{path} cannot be used: {trouble}", hint=hint)


def certificate_files(path: str, named: Sequence[str]) -> list[str]:
    """The certificate files that may belong to a key file: those that are named, else the one beside it, as in ssh.

    Threads: any thread. It looks at files.
    """
    key = os.path.expanduser(path).removesuffix("-cert.pub")
    return [file for file in (named or (f"{key}-cert.pub",)) if os.path.isfile(file)]


def with_certificate(load: Any, files: Sequence[str]) -> Any:
    """The key that ``load`` gives, with the first of the certificates that is for it; None if none is.

    Args:
        load: reads the key anew: Paramiko keeps the certificate in the key.
        files: certificate files.

    Threads: any thread. It reads files.
    """
    for file in files:
        key = load()
        with contextlib.suppress(paramiko.SSHException, ValueError, OSError, UnicodeDecodeError):
            key.load_certificate(file)
            if _is_for(key.public_blob.key_blob, key.asbytes()):
                return key
    return None


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
def agent_keys(socket_path: str | None) -> Iterator[tuple[Any, ...]]:
    """The keys of an agent, usable inside of the ``with`` block; none if there is no agent.

    Args:
        socket_path: where it listens; None for the environment's, "none" for none.

    Threads: any thread. It waits for the agent.
    """
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
