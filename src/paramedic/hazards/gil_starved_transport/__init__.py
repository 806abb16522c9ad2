"""A busy thread starves the transport thread. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC704",
    name="gil-starved-transport",
    family=Family.SPEED,
    summary="a CPU-bound thread keeps the transport thread from getting the GIL",
    symptom=(
        "Throughput drops, keepalives are late, the server disconnects, handshakes end in SSHException: Error"
        " reading SSH protocol banner although the network is fine"
    ),
    why=(
        "Transport.run and Packetizer (transport.py, packet.py) are Python code: each message needs the GIL "
        "several times, and a busy thread gives it up only 5 ms after it is asked (sys.getswitchinterval), an"
        " extension that keeps it not at all"
    ),
    fix=("Move CPU-bound work to another process (ProcessPoolExecutor with spawn), or let it release the GIL."),
    change="""\
- worker = threading.Thread(target=checksum, args=(block,))
+ spawn = multiprocessing.get_context("spawn")
+ worker = spawn.Process(target=checksum, args=(block,))
""",
    upstream=(
        "https://github.com/MarketSquare/SSHLibrary/pull/347",
        "https://github.com/MarketSquare/SSHLibrary/issues/151",
    ),
)
