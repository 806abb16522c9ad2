# blocking-the-event-loop stock
# ruff: noqa

import asyncio

from common import HOST, KEY, PORT, USER, dial, os, paramiko, threading  # noqa: F401


class Probe:
    def __init__(self):
        self.c = dial()

    async def ask(self):
        return self.c.exec_command("sleep 60")[1].channel.recv_exit_status()  # HANG


async def main():
    p = Probe()
    await asyncio.gather(p.ask(), asyncio.sleep(1))


asyncio.run(main())
