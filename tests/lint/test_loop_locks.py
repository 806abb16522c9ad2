"""A lock of an event loop's, held across a thread that waits for a coroutine that needs it: told from the source."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from paramedic.lint.loop_locks import LoopLocks
from paramedic.model.finding import Site

HELD = {
    "a lock that is handed on": """
        def ask(loop, lock):
            return asyncio.run_coroutine_threadsafe(note(lock, "x"), loop).result()  #waits
        async def note(lock, text):
            async with lock:
                return len(text)
        async def main():
            lock = asyncio.Lock()
            async with lock:
                await asyncio.to_thread(ask, asyncio.get_running_loop(), lock)  #given
        """,
    "a lock of the module's, and an executor's task": """
        lock = asyncio.Lock()
        async def save(text):
            async with lock, other:
                await write(text)
        def work():
            future = asyncio.run_coroutine_threadsafe(save("x"), loop)
            return future.result()  #waits
        async def main():
            async with lock:
                if jobs:
                    size = await loop.run_in_executor(None, work)  #given
        """,
    "a lock of one object, and a coroutine that awaits another one first": """
        class Store:
            def __init__(self):
                self.lock = asyncio.Lock()
            async def save(self):
                async with self.lock:
                    await asyncio.gather(asyncio.to_thread(self.work), asyncio.to_thread(self.work))  #given
            def work(self):
                return asyncio.run_coroutine_threadsafe(self.get(), self.loop).result()  #waits
            async def get(self):
                return await self.read()
            async def read(self):
                async with self.lock:
                    return 1
        store = Store()
        """,
}
NOT_HELD = {
    "a lock that is let go before": """
        lock = asyncio.Lock()
        async def note():
            async with lock:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                prepare()
            await asyncio.to_thread(work)  #given
        """,
    "another lock": """
        lock, other = asyncio.Lock(), asyncio.Lock()
        async def note():
            async with other:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                await asyncio.to_thread(work)  #given
        """,
    "a coroutine that may do without it": """
        lock = asyncio.Lock()
        async def note():
            if known:
                return await ask_again()
            async with lock:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                await asyncio.to_thread(work)  #given
        """,
    "a holder that gives up": """
        lock = asyncio.Lock()
        async def note():
            async with lock:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                async with asyncio.timeout(60):
                    await asyncio.to_thread(work)  #given
        """,
    "a holder that awaits it later": """
        lock = asyncio.Lock()
        async def note():
            async with lock:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                task = loop.run_in_executor(None, work)  #given
                await asyncio.sleep(60)
            await task
        """,
    "a lock of each of several objects": """
        class Store:
            def __init__(self):
                self.lock = asyncio.Lock()
            async def save(self, next):
                async with self.lock:
                    await asyncio.to_thread(next.work)  #given
            def work(self):
                return asyncio.run_coroutine_threadsafe(self.read(), loop).result()  #waits
            async def read(self):
                async with self.lock:
                    return 1
        stores = [Store() for _ in range(3)]
        """,
    "another object's lock": """
        class Store:
            def __init__(self):
                self.lock = asyncio.Lock()
            async def save(self, next):
                async with self.lock:
                    await asyncio.to_thread(next.work)  #given
            def work(self):
                return asyncio.run_coroutine_threadsafe(self.read(), loop).result()  #waits
            async def read(self):
                async with self.lock:
                    return 1
        def store():
            return Store()
        """,
    "a coroutine that gives up": """
        lock = asyncio.Lock()
        async def note():
            async with asyncio.timeout(5), lock:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                await asyncio.to_thread(work)  #given
        """,
    "a coroutine that gives up, in another library's way": """
        lock = asyncio.Lock()
        async def note():
            with anyio.move_on_after(5):
                async with lock:
                    return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                await asyncio.to_thread(work)  #given
        """,
    "a coroutine that something is put around": """
        lock = asyncio.Lock()
        @limited(5)
        async def note():
            async with lock:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                await asyncio.to_thread(work)  #given
        """,
    "a coroutine that may know it already": """
        lock = asyncio.Lock()
        async def note():
            return known or await ask()
        async def ask():
            async with lock:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                await asyncio.to_thread(work)  #given
        """,
    "an answer that comes from elsewhere": """
        lock = asyncio.Lock()
        async def note():
            async with lock:
                return 1
        def work(answer):
            asyncio.run_coroutine_threadsafe(note(), loop)
            return answer.result()  #waits
        async def main():
            async with lock:
                await asyncio.to_thread(work, answer)  #given
        """,
    "a holder that only hands its thread to others": """
        lock = asyncio.Lock()
        async def note():
            async with lock:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                await pending.put(loop.run_in_executor(None, work))  #given
        """,
    "another library's lock, which may end by itself": """
        from redis.asyncio.lock import Lock
        lock = Lock(redis, "jobs", timeout=10)
        async def note():
            async with lock:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with lock:
                await asyncio.to_thread(work)  #given
        """,
    "a lock of each host": """
        locks = collections.defaultdict(asyncio.Lock)
        async def note(host):
            async with locks[host]:
                return 1
        def work(other):
            return asyncio.run_coroutine_threadsafe(note(other), loop).result()  #waits
        async def main(host, other):
            async with locks[host]:
                await asyncio.to_thread(work, other)  #given
        """,
    "the lock of an object that the object asks": """
        class Store:
            def __init__(self, next):
                self.lock, self.next = asyncio.Lock(), next
            async def save(self):
                async with self.lock:
                    await asyncio.to_thread(self.work)  #given
            def work(self):
                return asyncio.run_coroutine_threadsafe(self.push(), loop).result()  #waits
            async def push(self):
                return await self.next.read()
            async def read(self):
                async with self.lock:
                    return 1
        def store(next):
            return Store(next)
        """,
    "another library's method of the same name": """
        class Store:
            async def get(self):
                async with lock:
                    return 1
        lock = asyncio.Lock()
        def work(session):
            return asyncio.run_coroutine_threadsafe(session.get(), loop).result()  #waits
        async def main(session):
            async with lock:
                await asyncio.to_thread(work, session)  #given
        """,
    "a semaphore, which lets several in": """
        slots = asyncio.Semaphore(4)
        async def note():
            async with slots:
                return 1
        def work():
            return asyncio.run_coroutine_threadsafe(note(), loop).result()  #waits
        async def main():
            async with slots:
                await asyncio.to_thread(work)  #given
        """,
}


def needed(program: str, folder: Path) -> str:
    """The lock that keeps both."""
    text = "import asyncio\n" + dedent(program)
    ast.parse(text)
    file = folder / "app.py"
    file.write_text(text)

    def site(mark: str) -> tuple[Site]:
        (line,) = (n for n, words in enumerate(text.splitlines(), 1) if words.endswith(f"#{mark}"))
        return (Site(file=str(file), line=line, function="f"),)

    return LoopLocks().needed(site("given"), site("waits"))


@pytest.mark.parametrize("how", HELD)
def test_a_lock_is_held_that_the_coroutine_cannot_do_without(how: str, tmp_path: Path) -> None:
    assert needed(HELD[how], tmp_path).endswith("lock")


@pytest.mark.parametrize("how", NOT_HELD)
def test_of_a_lock_that_may_become_free_nothing_is_said(how: str, tmp_path: Path) -> None:
    assert needed(NOT_HELD[how], tmp_path) == ""
