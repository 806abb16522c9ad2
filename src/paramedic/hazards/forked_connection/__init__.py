"""A connection is used after fork(). See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC305",
    name="forked-connection",
    family=Family.LIFETIME,
    summary="a connection made before fork() is used in the child, or in both processes",
    symptom=(
        "The child waits in Transport.open_channel -> Event.wait, an hour by default, then SSHException: "
        'Timeout opening channel.; the parent logs "Success for unrequested channel! [??]", then '
        "SSHException: SSH session not active, Mismatched MAC or a reset connection"
    ),
    why=(
        "fork() copies the socket, the keys and the sequence numbers but not the transport thread "
        "(Transport.run, transport.py): the child's messages use up the parent's numbers and nobody in the "
        "child reads the answers. Connection objects are not made for two processes"
    ),
    fix=(
        "Connect in the child, after the fork, or use the spawn start method. In the child, "
        "Transport.atfork() closes its copy of the socket."
    ),
    change="""\
- client.connect(host)
- Process(target=work, args=(client,)).start()
+ Process(target=connect_and_work, args=(host,)).start()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/620",
        "https://github.com/paramiko/paramiko/issues/446",
        "https://github.com/paramiko/paramiko/issues/2304",
        "https://github.com/paramiko/paramiko/issues/1172",
        "https://github.com/fabric/fabric/issues/500",
        "https://github.com/paramiko/paramiko/issues/941",
        "https://github.com/aws/aws-parallelcluster/pull/1222",
        "https://github.com/ansible/ansible/issues/987",
    ),
)
