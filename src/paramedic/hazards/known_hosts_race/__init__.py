"""A known_hosts file is rewritten by two threads. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC106",
    name="known-hosts-race",
    family=Family.SHARING,
    summary=("two threads or processes rewrite one known_hosts file, or change one HostKeys, at the same time"),
    symptom=(
        "Entries are missing from known_hosts, or half lines stand in it; later BadHostKeyException, "
        "InvalidHostKey or binascii.Error: Incorrect padding; silent at the time"
    ),
    why=(
        "SSHClient.save_host_keys (client.py) reads the file again and then opens it with mode 'w' and writes"
        " all of it: no lock, no temporary file, no rename. AutoAddPolicy.missing_host_key calls it in every "
        "thread that meets an unknown host"
    ),
    fix=(
        "Load the keys once before the threads start; collect new keys and save them after the threads end, "
        "under one lock, to a temporary file that replaces the old one."
    ),
    change="""\
- client.save_host_keys(path)     # in every worker
+ with keys_lock:                 # once, after the workers
+     keys.save(path + ".new")
+     os.replace(path + ".new", path)
""",
    safe="KnownHosts",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/835",
        "https://github.com/ContextLab/clustrix/issues/157",
        "https://github.com/Gallopsled/pwntools/pull/1578",
        "https://github.com/ansible/ansible-modules-core/issues/5308",
        "https://github.com/paramiko/paramiko/issues/2355",
    ),
)
