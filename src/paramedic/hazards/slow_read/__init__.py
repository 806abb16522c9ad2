"""A large output is read in an expensive way. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC702",
    name="slow-read",
    family=Family.SPEED,
    summary=("a large output is read by line or with a bare read(), which costs many times the CPU of recv()"),
    symptom=(
        "The program, not the network, is the limit: for line in stdout takes about 12 times and "
        "stdout.read() about 2.8 times the CPU of recv(65536)"
    ),
    why=(
        "BufferedFile.readline (file.py) adds chunks to and cuts lines from a bytes object, copying the rest "
        "each time, and read() without a size asks for 8192 bytes at a time (_DEFAULT_BUFSIZE); each recv() "
        "takes two locks"
    ),
    fix="Read large outputs with channel.recv(65536) in a loop, and split lines afterwards.",
    change="""\
- output = stdout.read()
+ blocks = iter(lambda: stdout.channel.recv(65536), b"")
+ output = b"".join(blocks)
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/fabric/fabric/issues/715",
        "https://github.com/paramiko/paramiko/issues/593",
    ),
)
