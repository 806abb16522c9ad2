"""Print the roster of the farm."""
import os
import sys
import threading


def main():
    import roster_good as roster

    people = roster.people()
    print(people)
    return 0 if len(people) == 2 else 1


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
