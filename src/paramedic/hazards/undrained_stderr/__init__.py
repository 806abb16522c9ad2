"""stdout is read to its end while stderr fills the window. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC203",
    name="undrained-stderr",
    family=Family.WAITING,
    summary="one stream is read to its end while the other fills the window that both of them share",
    symptom=(
        "The thread waits for ever, or until socket.timeout (TimeoutError), in BufferedPipe.read <- "
        "Channel.recv <- ChannelFile._read as soon as the other stream is over 2 MiB"
    ),
    why=(
        "A channel has one receive window for stdout and stderr together (RFC 4254 section 5.2); bytes that "
        "nobody reads from in_stderr_buffer are never given back by Channel._check_add_window (channel.py), "
        "so the server stops sending both"
    ),
    fix=(
        "Read both at once: stderr in a second thread. Only where people read the output, and no program, may "
        "set_combine_stderr(True) merge them before you read: it puts the warnings into the data."
    ),
    change="""\
  _, stdout, stderr = client.exec_command(command, timeout=60)
- output = stdout.read()
+ with ThreadPoolExecutor(max_workers=1) as pool:
+     errors = pool.submit(stderr.read)
+     output = stdout.read()
+ errors = errors.result()
""",
    safe="ClientPool",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/1778",
        "https://github.com/paramiko/paramiko/issues/213",
        "https://github.com/paramiko/paramiko/issues/109",
        "https://qiita.com/fukasawah/items/7ae2ab0057c565607d88",
    ),
)
