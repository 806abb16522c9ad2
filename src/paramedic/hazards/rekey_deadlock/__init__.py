"""A re-key blocks the transport thread. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC214",
    name="rekey-deadlock",
    family=Family.WAITING,
    summary=(
        "Paramiko starts a re-key and its transport thread then waits for the permission to send that only it can give"
    ),
    symptom=(
        "All threads stop for 30 s, then SSHException: Key-exchange timed out waiting for key negotiation, "
        "and the connection is gone; transport thread: Transport._send_user_message <- Channel._handle_close "
        "<- Transport.run"
    ),
    why=(
        "After Transport._send_kex_init (transport.py) has cleared clear_to_send, the transport thread may "
        "still read a CHANNEL_CLOSE or a request that the peer sent before its own KEXINIT; it answers "
        "through _send_user_message, which waits for clear_to_send, which only this thread sets "
        "(_parse_newkeys)"
    ),
    fix=(
        "Do not call renegotiate_keys() while channels are open, raise Packetizer.REKEY_BYTES so that the "
        "server starts re-keys, and reconnect on this error."
    ),
    change="""\
- transport.renegotiate_keys()
+ Packetizer.REKEY_BYTES = 2**34  # the server starts re-keys
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/822",
        "https://github.com/paramiko/paramiko/issues/174",
        "https://github.com/paramiko/paramiko/issues/49",
        "https://github.com/paramiko/paramiko/pull/63",
        "https://github.com/paramiko/paramiko/pull/1860",
        "https://github.com/red-hat-storage/cephci/issues/1690",
        "https://github.com/ansible/ansible/issues/40013",
        "https://github.com/ktbyers/netmiko/pull/2688",
    ),
    paramiko_bug=True,
)
