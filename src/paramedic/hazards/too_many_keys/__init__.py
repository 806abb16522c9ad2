"""Keys that use up the login's attempts. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC403",
    name="too-many-keys",
    family=Family.LIMITS,
    summary="keys that the server does not want use up the login's attempts before the right one is tried",
    symptom=(
        "AuthenticationException: Authentication failed. although the key or password is right; in the log "
        '"Disconnect (code 2): Too many authentication failures"'
    ),
    why=(
        "SSHClient._auth (client.py) tries the given keys, then every key of the agent, then the files in "
        "~/.ssh, then the"
        " password. OpenSSH counts each refused key and disconnects after MaxAuthTries (6)"
    ),
    fix="Pass the one key or password that is meant, with allow_agent=False and look_for_keys=False.",
    change="""\
- client.connect(host, key_filename=key)
+ client.connect(host, key_filename=key,
+                allow_agent=False, look_for_keys=False)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/130",
        "https://github.com/paramiko/paramiko/issues/23",
        "https://github.com/canonical/pycloudlib/issues/423",
    ),
)
