"""Connects while it is imported, from a thread that imports it too."""

import threading

from common import dial

out = []


def probe():
    import inventory_module  # late, as circular packages do

    out.append(inventory_module.X)
    dial()


t = threading.Thread(target=probe)
t.start()
t.join()  # HANG
X = 1
