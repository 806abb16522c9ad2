"""Locks taken in opposite orders. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC209",
    name="lock-order-inversion",
    family=Family.WAITING,
    summary=("two threads take the same two locks in opposite order, or a callback takes a lock that its caller holds"),
    symptom=(
        "Both threads wait for ever in lock.acquire, or one in lock.acquire on the transport thread and the "
        "other in open_channel; a login ends in AuthenticationException: Authentication timeout."
    ),
    why=(
        "Handlers run on the transport thread (Transport._parse_channel_open in transport.py, "
        "AuthHandler._parse_userauth_info_request in auth_handler.py): a thread that holds a lock and waits "
        "for Paramiko waits for that thread too. Remote I/O between two locks makes the window seconds wide"
    ),
    fix=(
        "Take locks in one order everywhere (sort the hosts by name), hold none while you wait for Paramiko, "
        "and let callbacks only queue."
    ),
    change="""\
- with locks[source], locks[target]:
+ first, second = sorted((source, target))
+ with locks[first], locks[second]:
      copy(source, target)
""",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/719",
        "https://github.com/paramiko/paramiko/issues/1602",
        "https://github.com/paramiko/paramiko/issues/247",
        "https://github.com/paramiko/paramiko/issues/1634",
        "https://github.com/paramiko/paramiko/issues/2534",
    ),
)
