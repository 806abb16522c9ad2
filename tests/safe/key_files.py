"""Key files of every kind that a real server takes, as ssh-keygen makes them."""

from __future__ import annotations

import subprocess

KEYS = {
    "ed25519": ["-t", "ed25519"],
    "ecdsa": ["-t", "ecdsa"],
    "rsa": ["-t", "rsa", "-b", "2048"],
    "rsa-pem": ["-t", "rsa", "-b", "2048", "-m", "PEM"],
    "rsa-pkcs8": ["-t", "rsa", "-b", "2048", "-m", "PKCS8"],
    "locked": ["-t", "ed25519"],
    "locked-pkcs8": ["-t", "ecdsa", "-m", "PKCS8"],
    "certified": ["-t", "ed25519"],
    "expired": ["-t", "ed25519"],
    "stranger": ["-t", "ed25519"],
    "authority": ["-t", "ed25519"],
}


def keygen(*words: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *words], check=True, timeout=60, capture_output=True)
