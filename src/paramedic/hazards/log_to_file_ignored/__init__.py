"""paramiko.util.log_to_file() that does nothing. See ``page.md``."""

from paramedic.model.hazard import Family, Hazard

HAZARD = Hazard(
    code="PMC503",
    name="log-to-file-ignored",
    family=Family.ERRORS,
    summary="log_to_file() is called more than once: only the first call has an effect, whichever thread makes it",
    symptom=(
        "All connections log into one file, the others are missing or stay empty; now and then every line "
        "stands there twice"
    ),
    why=(
        "paramiko.util.log_to_file returns at once where the logger 'paramiko' has a handler already, and the look and "
        "the addHandler() are two steps that two threads may both pass"
    ),
    fix=(
        "Set up logging once, before any thread starts. For a log of its own, give each client a logger's name with "
        "set_log_channel() and a handler to that logger."
    ),
    change="""\
- paramiko.util.log_to_file(f"{host}.log")  # each worker
+ paramiko.util.log_to_file("ssh.log")      # once, in main()
""",
    safe="",
    upstream=(),
)
