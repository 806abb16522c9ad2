"""How names are shown."""
import roster_good


def label(name):
    return f"{name}@{roster_good.DOMAIN}"
