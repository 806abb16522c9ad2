"""exit_status_ready() is taken for the end of the output. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC202",
    name="exit-status-ends-reading",
    family=Family.WAITING,
    summary=("a loop stops reading because the exit status is there, while output is still buffered or on its way"),
    symptom="The output is cut short or empty, at random; no exception",
    why=(
        "Channel.exit_status_ready (channel.py) turns true when the exit-status message or a close is "
        "handled; Channel.recv_ready says only whether bytes are buffered now. Neither says that the stream "
        "has ended: only recv() returning b'' does"
    ),
    fix="Read until recv() returns b'', and take the exit status afterwards.",
    change="""\
- while not channel.exit_status_ready():
-     output += channel.recv(65536)
+ while data := channel.recv(65536):
+     output += data
+ status = channel.recv_exit_status()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/1143",
        "https://github.com/paramiko/paramiko/issues/1091",
        "https://github.com/paramiko/paramiko/issues/1089",
        "https://github.com/paramiko/paramiko/issues/227",
        "https://github.com/Mirantis/mos-integration-tests/pull/277",
        "https://github.com/ManageIQ/integration_tests/pull/6816",
    ),
)
