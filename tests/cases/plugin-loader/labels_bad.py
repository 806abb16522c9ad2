"""How names are shown."""
import roster_bad


def label(name):
    return f"{name}@{roster_bad.DOMAIN}"
