# lock-order-inversion stock
# ruff: noqa

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401

a, b = threading.Lock(), threading.Lock()
c = dial()


def move(src, dst):
    with src:
        c.exec_command("sleep 0.4")[1].read()
        with dst:  # HANG
            pass


t = threading.Thread(target=move, args=(a, b))
t.start()
move(b, a)
t.join()
