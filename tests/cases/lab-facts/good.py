"""Prints the facts of the lab machine."""
import os
import sys
import threading

if __name__ == "__main__":
    watchdog = threading.Timer(60, os._exit, (3,))
    watchdog.daemon = True
    watchdog.start()

import facts_good as facts

facts.load()
print(facts.KERNEL, facts.HOSTNAME)
