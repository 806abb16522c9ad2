"""Unknown host keys are accepted. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC601",
    name="host-key-not-verified",
    family=Family.TRUST,
    summary="unknown host keys are accepted without asking anybody",
    symptom=(
        "None, until somebody stands between: then passwords and commands go to the wrong machine, and nothing is shown"
    ),
    why=(
        "AutoAddPolicy and WarningPolicy (client.py) accept every unknown key, AutoAddPolicy without a word; "
        "keys are forgotten when the program ends unless load_host_keys() named a file. Transport.connect "
        "(transport.py) checks no key unless hostkey= is given"
    ),
    fix=(
        "Load known hosts and keep the default RejectPolicy. Each server's key has to be in the file before: log in "
        "by hand once with ssh, or compare what ssh-keyscan says with the server's own. A program that accepts new "
        "hosts does it once and writes them to the file under a lock."
    ),
    change="""\
- client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
+ client.load_system_host_keys()
""",
    safe="KnownHosts",
    upstream=(
        "https://github.com/StackStorm/st2/issues/6386",
        "https://github.com/fsspec/filesystem_spec/issues/2119",
        "https://github.com/docker/docker-py/pull/2932",
    ),
)
