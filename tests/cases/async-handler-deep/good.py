"""A tiny async service; each request asks a host through the synchronous library of another team."""
import asyncio
import os
import sys
import threading
import time

from legacy import HostApi


class Service:
    def __init__(self):
        self.api = HostApi()
        self.ticks = []

    async def ticker(self):
        while True:
            self.ticks.append(time.monotonic())
            await asyncio.sleep(0.05)

    async def handle(self, request):
        await asyncio.sleep(0)
        return await asyncio.to_thread(self.api.facts, request)

    async def run(self):
        ticker = asyncio.create_task(self.ticker())
        answers = await asyncio.gather(*(self.handle("host%d" % n) for n in range(3)))
        ticker.cancel()
        return answers


def main():
    service = Service()
    answers = asyncio.run(service.run())
    service.api.close()
    stall = max(b - a for a, b in zip(service.ticks, service.ticks[1:]))
    print(answers, "longest stall %.2f s" % stall)
    return 1 if stall > 1 else 0


if __name__ == "__main__":
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    sys.exit(main())
