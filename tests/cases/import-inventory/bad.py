"""Prints what the inventory knows."""
import os
import sys
import threading

guard = threading.Timer(11, os._exit, (3,))
guard.daemon = True
guard.start()

import inventory

if __name__ == "__main__":
    for name, fact in sorted(inventory.FACTS.items()):
        print(name, fact)
    sys.exit(0)
