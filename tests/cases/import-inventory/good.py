"""Prints what the inventory knows."""
import os
import sys
import threading

import inventory_late

if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    for name, fact in sorted(inventory_late.facts().items()):
        print(name, fact)
    sys.exit(0)
