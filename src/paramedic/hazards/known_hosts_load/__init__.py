"""known_hosts is loaded for each client. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC703",
    name="known-hosts-load",
    family=Family.SPEED,
    summary=("a large known_hosts file is parsed anew for each client, in quadratic time and holding the GIL"),
    symptom="Each connect takes hundreds of milliseconds more, and other threads stand still meanwhile",
    why=(
        "HostKeys.load (hostkeys.py) looks every new entry up among all entries before it (check -> lookup), "
        "and each lookup among hashed entries computes an HMAC for each; SSHClient has no way to share a "
        "loaded HostKeys"
    ),
    fix=("Load the file once into a HostKeys and add the keys of the one host to each client's get_host_keys()."),
    change="""\
- client.load_host_keys(path)     # for each client
+ for key_type, key in keys.lookup(host).items():
+     client.get_host_keys().add(host, key_type, key)
""",
    safe="KnownHosts",
    upstream=(
        "https://github.com/paramiko/paramiko/issues/2251",
        "https://github.com/paramiko/paramiko/issues/437",
        "https://github.com/paramiko/paramiko/issues/191",
        "https://github.com/paramiko/paramiko/issues/1613",
        "https://github.com/pyinfra-dev/pyinfra/issues/721",
        "https://github.com/paramiko/paramiko/pull/2254",
    ),
    paramiko_bug=True,
)
