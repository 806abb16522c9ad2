"""One agent connection signs for two logins. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC109",
    name="shared-agent",
    family=Family.SHARING,
    summary="one connection to the ssh-agent signs for several logins at the same time",
    symptom=(
        "AuthenticationException: Authentication failed. or Authentication timeout.; SSHException: key cannot"
        " be used for signing; SSHException: lost ssh-agent; transport threads in AgentSSH._read_all -> "
        "socket.recv"
    ),
    why=(
        "AgentSSH._send_message (agent.py) writes a request and reads the reply on one socket with no lock; "
        "AgentKey.sign_ssh_data is called on the transport thread of each connection that logs in "
        "(AuthHandler._parse_service_accept, auth_handler.py)"
    ),
    fix=("Let each login make its own agent connection (allow_agent=True does), or hold one lock around connect()."),
    change="""\
- client.connect(host, pkey=agent.get_keys()[0])
+ client.connect(host, allow_agent=True, timeout=10)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/1602",
        "https://github.com/fabric/fabric/issues/1381",
        "https://github.com/ParallelSSH/parallel-ssh/pull/59",
        "https://github.com/paramiko/paramiko/issues/570",
        "https://github.com/paramiko/paramiko/pull/571",
        "https://github.com/princeton-ddss/blackfish/issues/75",
        "https://github.com/paramiko/paramiko/issues/2147",
    ),
    paramiko_bug=True,
)
