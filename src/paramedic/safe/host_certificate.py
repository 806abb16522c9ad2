"""Host certificates: whether a certificate authority that known_hosts names vouches for a host's key."""

from __future__ import annotations

import base64
import time
from collections.abc import Collection
from fnmatch import fnmatchcase

_TYPE_HOST = 2
REVOKED = "its certificate is signed by an authority that known_hosts revoked"


class _Fields:
    """Reads the SSH wire format (RFC 4251 section 5)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def number(self, size: int) -> int:
        self.at += size
        if self.at > len(self._data):
            raise ValueError("the certificate is cut off")
        return int.from_bytes(self._data[self.at - size : self.at], "big")

    def string(self) -> bytes:
        size = self.number(4)
        self.at += size
        if self.at > len(self._data):
            raise ValueError("the certificate is cut off")
        return self._data[self.at - size : self.at]


_PUBLIC_FIELDS = {"ssh-rsa": 2, "rsa-sha2-256": 2, "rsa-sha2-512": 2, "ssh-ed25519": 1}


def certificate_problem(
    kind: str, blob: bytes, host: str, authorities: Collection[str], revoked: Collection[str] = ()
) -> str | None:
    """Why a host certificate is not acceptable, or None if it is.

    The layout is that of OpenSSH's PROTOCOL.certkeys; that the server has the private key is not judged here: the key
    exchange proved it.

    Args:
        kind: the type, "ssh-ed25519-cert-v01@openssh.com" for example.
        blob: the certificate.
        host: the name that it must be for.
        authorities: keys of the authorities, in base64.
        revoked: keys that are no authorities any more, in base64.

    Threads: any thread; it does not block.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

    fields = _Fields(blob)
    try:
        name = fields.string().decode()
        fields.string()  # nonce
        plain = name.removesuffix("-cert-v01@openssh.com")
        for _ in range(_PUBLIC_FIELDS.get(plain, 2)):
            fields.string()
        fields.number(8)  # serial
        role = fields.number(4)
        fields.string()  # key id
        packed = _Fields(fields.string())
        principals = []
        while packed.at < len(packed._data):
            principals.append(packed.string().decode().lower())
        after, before = fields.number(8), fields.number(8)
        critical = fields.string()
        fields.string()  # extensions
        fields.string()  # reserved
        authority = base64.b64encode(fields.string()).decode()
    except (ValueError, UnicodeDecodeError) as error:
        return f"its certificate cannot be read: {error}"
    if authority in revoked:
        return REVOKED
    if authority not in authorities:
        return "its certificate is signed by an authority that known_hosts does not name for this host"
    try:
        identity = load_ssh_public_identity(f"{name} {base64.b64encode(blob).decode()}".encode())
        if not isinstance(identity, SSHCertificate):
            return "it sent no certificate"
        identity.verify_cert_signature()
    except (ValueError, InvalidSignature) as error:
        return f"its certificate is not validly signed: {error or 'bad signature'}"
    if role != _TYPE_HOST:
        return "its certificate is one for users, not for hosts"
    now = int(time.time())
    if not after <= now < before:
        return "its certificate is not valid at this time"
    if critical:
        return "its certificate has critical options, and hosts' certificates have none that we know"
    if principals and not any(fnmatchcase(host.lower(), principal) for principal in principals):
        return f"its certificate is for {', '.join(principals)}"
    if not principals:
        return "its certificate names no host"
    return None
