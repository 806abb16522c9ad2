"""What went well in this run, and is told as practice: the pages promise it hazard by hazard."""

from __future__ import annotations

import pytest
from notation import findings_of


def told(hazard: str, story: str) -> list[str]:
    """The confidences of that hazard's findings."""
    return [str(f.confidence) for f in findings_of(story) if f.hazard == hazard]


_HANDLER = "Main: handles stop\n"
_FAILS = "B: get q client2\nB: exec_command client2 ! SSHException: no\n"
_CLOGGED = "A: state proxy PROXY_STDERR 49000\nA: recv ch (20000) …\n"
_POOL = "Main: put q client1\nMain: put q client2\nA: get q client1\nA: exec_command client1\nA: put q client1\n"

STORIES: dict[str, tuple[str, list[str], str]] = {
    "a long call on an event loop's thread": (
        "blocking-the-event-loop", ["observed"],
        "A: run_forever loop …\nA: read ch.stdout …\n… 1 s\nA: … read ch.stdout",
    ),
    "a short call on an event loop's thread": (
        "blocking-the-event-loop", ["advice"],
        "A: run_forever loop …\nA: exec_command client …\n… 10 ms\nA: … exec_command client",
    ),
    "a call on an event loop's thread that has not come back": (
        "blocking-the-event-loop", ["observed"], "A: run_forever loop …\nA: recv ch …\n… 5 s\nend: 3",
    ),
    "a lock that a coroutine holds while another one of its loop waits for it": (
        "blocking-the-event-loop", ["observed"],
        "A: run_forever loop …\nA: take L\nB: read ch.stdout …\nA: wait L #2\n… 5 s\nend: 3",
    ),
    "a lock for which a loop waits, held by a thread that waits for the loop": (
        "blocking-the-event-loop", ["observed"],
        "A: run_forever loop …\nB: take L\nB: ask f …\nA: wait L #2\n… 5 s\nend: 3",
    ),
    "a lock for which a loop waits, held by a thread that is at work": (
        "blocking-the-event-loop", [],
        "A: run_forever loop …\nB: take L\nB: read ch.stdout …\nA: wait L #2\n… 5 s\nend: 3",
    ),
    "a lock that a coroutine holds, which a thread gives to another in the end": (
        "blocking-the-event-loop", [],
        "A: run_forever loop …\nA: take L\nA: wait L #2\n… 5 s\nB: free L\nA: got L\nA: free L\nend: orderly",
    ),
    "both streams of a channel read when an event loop says that there is something": (
        "select-pipe-race", ["possible"],
        "A: run_forever loop …\nA: fileno ch\nA: recv ch\nA: recv_stderr ch\nend: orderly",
    ),
    "both streams of a channel read when a select() with a limit says so": (
        "select-pipe-race", [], "A: fileno ch\nA: recv ch\nA: recv_stderr ch\nend: orderly",
    ),
    "data was there and the wake-up pipe was empty": (
        "select-pipe-race", ["observed"],
        "A: fileno ch\nA: recv ch\nB: recv_stderr ch\nB: state ch WAKE_UP_LOST 1\nend: orderly",
    ),
    "a call on another thread while the loop runs": (
        "blocking-the-event-loop", [], "A: run_forever loop …\nB: recv ch …\n… 1 s\nB: … recv ch",
    ),
    "a coroutine that asks a worker's future for its result while the worker reads": (
        "blocking-the-event-loop", ["observed"],
        "A: run_forever loop …\nA: submit f\nB: run f\nA: result f …\nB: recv ch …\n… 1 s\nB: … recv ch\nB: done f\n"
        "A: ask f\nA: … result f",
    ),
    "a coroutine that waits for an event that a reader sets": (
        "blocking-the-event-loop", ["observed"],
        "A: run_forever loop …\nA: wait ev … #2\nB: recv ch …\n… 1 s\nB: … recv ch\nB: set ev\nA: await ev\n"
        "A: … wait ev",
    ),
    "a coroutine that joins a thread which reads for ever": (
        "blocking-the-event-loop", ["observed"], "A: run_forever loop …\nB: recv ch …\nA: join B …\n… 5 s\nend: 3",
    ),
    "a coroutine that waits for a thread which has computed for long after its short call": (
        "blocking-the-event-loop", [],
        "A: run_forever loop …\nA: submit f\nB: run f\nA: result f …\nB: recv ch …\n… 150 ms\nB: … recv ch\n… 2 s\n"
        "B: done f\nA: ask f\nA: … result f",
    ),
    "a coroutine that waits for something else while another thread reads": (
        "blocking-the-event-loop", [],
        "A: run_forever loop …\nA: submit f\nC: run f\nA: result f …\nB: recv ch …\n… 1 s\nB: … recv ch\nC: done f\n"
        "A: ask f\nA: … result f",
    ),
    "a thread without a loop that waits for a worker's call": (
        "blocking-the-event-loop", [],
        "C: run_forever loop …\nA: submit f\nB: run f\nA: result f …\nB: recv ch …\n… 1 s\nB: … recv ch\nB: done f\n"
        "A: ask f\nA: … result f",
    ),
    "a call after the loop has ended": (
        "blocking-the-event-loop", [],
        "A: run_forever loop …\nA: … run_forever loop\nA: recv ch …\n… 1 s\nA: … recv ch",
    ),
    "a question that waits for nothing on an event loop's thread": (
        "blocking-the-event-loop", [], "A: run_forever loop …\nA: recv_ready ch …\n… 1 s\nA: … recv_ready ch",
    ),
    "the thread that is waited for at the end waits without a limit": (
        "exit-blocked", ["observed"], "A: recv ch …\nMain: shutdown …\n… 5 s\nend: 3",
    ),
    "the thread that is waited for at the end has a limit that ends it soon": (
        "exit-blocked", [], "A: recv ch (20000) …\nMain: shutdown …\n… 5 s\nend: 3",
    ),
    "an event loop ends, and one of its workers reads": (
        "exit-blocked", ["observed"],
        "asyncio_0: recv ch …\n_do_shutdown: join asyncio_0 …\n… 5 s\nend: 3",
    ),
    "somebody joins one who reads": (
        "exit-blocked", [], "asyncio_0: recv ch …\nB: join asyncio_0 …\n… 5 s\nend: 3",
    ),
    "a daemon reads, and another thread is waited for at the end": (
        "exit-blocked", [],
        "Main: start A daemon\nMain: start B\nA: recv ch …\nB: get q …\nMain: shutdown …\n… 5 s\nend: 3",
    ),
    "the thread that is waited for at the end serves a tunnel, and its handlers use the connection": (
        "exit-blocked", ["observed"],
        "Main: start A\nA: start B\nB: open_channel conn\nB: ends\nMain: shutdown …\n… 5 s\nend: 3",
    ),
    "a thread that works on after main, stopped by a signal under one of its calls": (
        "exit-blocked", [],
        "Main: start A\nA: exec_command client\nMain: shutdown …\n… 5 s\nA: exec_command client …\n… 20 ms\nend: 143",
    ),
    "a thread that works on after main, given up under one of its calls": (
        "exit-blocked", ["observed"],
        "Main: start A\nA: exec_command client\nMain: shutdown …\n… 5 s\nA: exec_command client …\n… 20 ms\nend: 3",
    ),
    "a thread that is waited for at the end sleeps between its commands": (
        "exit-blocked", ["observed"], "Main: start A\nA: exec_command client\nMain: shutdown …\n… 5 s\nend: 3",
    ),
    "the thread that is waited for at the end serves until somebody stops the program": (
        "exit-blocked", [], "Main: start A\nA: exec_command client\nMain: shutdown …\n… 5 s\nend: 143",
    ),
    "the thread that is waited for at the end has closed its connection": (
        "exit-blocked", [], "Main: start A\nA: exec_command client\nA: close client\nMain: shutdown …\n… 5 s\nend: 3",
    ),
    "a daemon has used the connection, and what is waited for has not": (
        "exit-blocked", [],
        "Main: start A daemon\nMain: start B\nA: exec_command client\nB: release sem\nMain: shutdown …\n… 5 s\nend: 3",
    ),
    "the thread that is waited for at the end tries again and again": (
        "exit-blocked", ["observed"],
        "A: recv ch (2000) …\nMain: shutdown …\n… 2 s\nA: … recv ch ! TimeoutError: \nA: recv ch (2000) …\n… 1 s"
        "\nA: … recv ch ! TimeoutError: \nA: recv ch (2000) …\n… 1 s\nend: 3",
    ),
    "a handler sends while the main thread waits for a worker, and that uses the connection, too": (
        "signal-handler-reenters", ["possible"],
        _HANDLER + "Main: recv ch\nMain: await ev …\nMain: send ch #stop",
    ),
    "a function that is a handler is called": (
        "signal-handler-reenters", ["advice"], _HANDLER + "Main: recv ch\nMain: send ch #stop",
    ),
    "a handler uses a connection that the main thread does not use": (
        "signal-handler-reenters", [], _HANDLER + "A: recv ch\nMain: await ev …\nMain: send ch #stop",
    ),
    "a handler that interrupts a call on the connection, and comes back": (
        "signal-handler-reenters", ["possible"], _HANDLER + "Main: recv ch …\nMain: send ch #stop\nMain: … recv ch",
    ),
    "a handler that interrupts a call on the connection, and does not come back": (
        "signal-handler-reenters", ["observed"], _HANDLER + "Main: send ch …\nMain: send ch … #stop\n… 5 s\nend: 3",
    ),
    "a handler that only tells the size of its window, while the main thread waits for something": (
        "signal-handler-reenters", ["possible"],
        _HANDLER + "Main: send ch\nMain: await ev …\nMain: resize_pty ch #stop",
    ),
    "a handler that sets a flag": ("signal-handler-reenters", [], _HANDLER + "Main: recv ch\nMain: set ev #stop"),
    "the only worker waits for a task behind its own": (
        "pool-starvation", ["observed"],
        "W: works ex 1\nMain: submit f1 ex\nW: run f1\nW: submit f2 ex\nW: ask f2 …\n… 5 s\nend: 3",
    ),
    "a worker waits for a task of another pool, whose worker is busy": (
        "pool-starvation", [],
        "W: works ex 1\nMain: submit f1 ex\nW: run f1\nW: submit f2 ex2\nW: ask f2 …\n… 5 s\nend: 3",
    ),
    "one of a pool's clients is not put back after a failure": (
        "pool-drained", ["possible"],
        _POOL + _FAILS + "B: ends\nend: orderly",
    ),
    "one of a pool's clients is closed instead of put back": (
        "pool-drained", [],
        _POOL + _FAILS + "B: close client2\nB: ends\nend: orderly",
    ),
    "one of a pool's clients is put back after a failure": (
        "pool-drained", [],
        _POOL + _FAILS + "B: put q client2\nB: ends\nend: orderly",
    ),
    "one of a pool's clients is handed to who repairs it": (
        "pool-drained", [],
        _POOL + _FAILS + "B: put q2 client2\nB: ends\nend: orderly",
    ),
    "what is taken and used well need not come back": (
        "pool-drained", [], _POOL + "B: get q client2\nB: exec_command client2\nB: ends\nend: orderly",
    ),
    "a queue to which nothing ever comes back is no pool": (
        "pool-drained", [],
        "Main: put q client2\nB: get q client2\nB: exec_command client2 ! SSHException: no\nB: ends\nend: orderly",
    ),
    "a read without a limit on a connection with keepalives": (
        "keepalive-is-not-a-timeout", ["advice"], "A: set_keepalive conn (1000)\nA: recv ch = 5",
    ),
    "a read without a limit on a connection that the system watches": (
        "keepalive-is-not-a-timeout", [],
        "A: state conn NO_DELAY 2\nA: set_keepalive conn (1000)\nA: recv ch = 5",
    ),
    "a read with a limit on a connection with keepalives": (
        "keepalive-is-not-a-timeout", [], "A: set_keepalive conn (1000)\nA: recv ch (5000) = 5",
    ),
    "a read without a limit on another connection than that with keepalives": (
        "keepalive-is-not-a-timeout", [], "A: set_keepalive conn (1000)\nA: recv ch@conn2 = 5",
    ),
    "a read without a limit on a connection without keepalives": (
        "wait-without-timeout", ["advice"], "A: set_keepalive conn (1000)\nA: recv ch@conn2 = 5",
    ),
    "an SFTP call without a limit": ("wait-without-timeout", ["advice"], "A: stat sftp"),
    "an SFTP call of a client whose channel has a limit": (
        "wait-without-timeout", [], "A: settimeout ch_of_sftp (1000)\nA: stat sftp",
    ),
    "a read of an SFTP file without a limit": ("wait-without-timeout", ["advice"], "A: read file = 1000"),
    "a read of an SFTP file whose client's channel has a limit": (
        "wait-without-timeout", [], "A: settimeout ch_of_sftp (1000)\nA: read file = 1000",
    ),
    "a connection that is open at the end": ("leaked-connection", ["advice"], "A: recv ch\n… 1 s\nend: orderly"),
    "a connection that is closed at the end": ("leaked-connection", [], "A: recv ch\nA: close client\nend: orderly"),
    "a connection that is open when the program is killed": ("leaked-connection", [], "A: recv ch\n… 1 s\nend: 137"),
    "many sessions one by one without TCP_NODELAY": (
        "nagle-stall", ["advice"],
        "A: state conn NO_DELAY 0\n" + "\n".join(f"A: opens ch{n}\nT: gets-close ch{n}" for n in range(1, 25)),
    ),
    "many sessions one by one with TCP_NODELAY": (
        "nagle-stall", [],
        "A: state conn NO_DELAY 1\n" + "\n".join(f"A: opens ch{n}\nT: gets-close ch{n}" for n in range(1, 25)),
    ),
    "many sessions at once without TCP_NODELAY": (
        "nagle-stall", [], "A: state conn NO_DELAY 0\n" + "\n".join(f"W{n}: opens ch{n}" for n in range(25)),
    ),
    "sockets that gevent patched, and threads not": (
        "gevent-half-patched", ["possible"], "A: state client GEVENT 1\nA: connect client",
    ),
    "sockets that gevent patched, threads not, and a login that failed of it": (
        "gevent-half-patched", ["observed"], "A: state client GEVENT 1\nA: connect client ! LoopExit: This operation",
    ),
    "a policy that accepts all": (
        "host-key-not-verified", ["advice"], 'A: set_missing_host_key_policy client "AutoAddPolicy"',
    ),
    "the policy that all others are made from, which does nothing": (
        "host-key-not-verified", ["advice"], 'A: set_missing_host_key_policy client "MissingHostKeyPolicy"',
    ),
    "a policy of the program's that accepts all": (
        "host-key-not-verified", ["advice"], 'A: set_missing_host_key_policy client "Mine accepts all"',
    ),
    "a policy of the program's that decides": (
        "host-key-not-verified", [], 'A: set_missing_host_key_policy client "Mine"',
    ),
    "a transport that logs in without a look at the key": (
        "host-key-not-verified", ["advice"], 'A: connect conn "no host key"',
    ),
    "a transport that is given the key that it must see": ("host-key-not-verified", [], "A: connect conn"),
    "a full stderr pipe of a proxy": ("proxy-stderr-full", ["observed"], "A: state proxy PROXY_STDERR 65536"),
    "a quarter of a proxy's stderr pipe": ("proxy-stderr-full", ["possible"], "A: state proxy PROXY_STDERR 16384"),
    "half a proxy's stderr pipe, and a call for which nothing comes": (
        "proxy-stderr-full", ["observed"], _CLOGGED + "… 5 s\nend: 3",
    ),
    "half a proxy's stderr pipe, and a call that has just begun": (
        "proxy-stderr-full", ["possible"], _CLOGGED + "end: 3",
    ),
    "a call for which nothing comes through a proxy whose stderr is full": (
        "wait-without-timeout", [], _CLOGGED + "… 5 s\nend: 3",
    ),
    "a small stderr pipe of a proxy, as an account with very many pipes gets it, that is full": (
        "proxy-stderr-full", ["observed"], "A: state proxy PROXY_STDERR 8000 8192",
    ),
    "half of a proxy's small stderr pipe, and a wait": (
        "proxy-stderr-full", ["observed"], "A: state proxy PROXY_STDERR 5000 8192\nA: recv ch (20000) …\n… 5 s\nend: 3",
    ),
    "a large stderr pipe of a proxy that holds as much as a usual one": (
        "proxy-stderr-full", [], "A: state proxy PROXY_STDERR 65536 1048576",
    ),
    "some words of a proxy's": ("proxy-stderr-full", [], "A: state proxy PROXY_STDERR 2048"),
    "several proxies that nobody waited for": (
        "proxy-command-leak", ["observed"],
        "A: close proxy1\nA: close proxy2\nA: state proxy1 PROXY_LEFT 1\nA: state proxy2 PROXY_LEFT 1\nend: orderly",
    ),
    "several proxies that somebody waited for": (
        "proxy-command-leak", [], "A: close proxy1\nA: close proxy2\nend: orderly",
    ),
    "one proxy in a short program": ("proxy-command-leak", [], "A: close proxy1\nA: state proxy1 PROXY_LEFT 1"),
    "two readers of a channel with a fileno": (
        "select-pipe-race", ["possible"], "A: fileno ch (-1)\nA: recv ch = 5\nB: recv ch = 5\nend: orderly",
    ),
    "one who waits with select() and no timeout for both streams": (
        "select-pipe-race", ["possible"], "A: fileno ch (3)\nA: recv ch = 5\nA: recv_stderr ch = 5\nend: orderly",
    ),
    "one who waits with select() and a timeout for both streams": (
        "select-pipe-race", [], "A: fileno ch (4)\nA: recv ch = 5\nA: recv_stderr ch = 5\nend: orderly",
    ),
    "one who waits with select() for one stream": (
        "select-pipe-race", [], "A: fileno ch (3)\nA: recv ch = 5\nend: orderly",
    ),
    "two readers, one for each stream, and no fileno": (
        "select-pipe-race", [], "A: recv ch = 5\nB: recv_stderr ch = 5\nend: orderly",
    ),
    "two readers that wait in the pipe of a fileno": (
        "select-pipe-race", ["observed"], "A: fileno ch (-1)\nA: recv ch …\nB: recv ch …\n… 5 s\nend: 3",
    ),
    "a known_hosts file that is loaded twice, slowly": (
        "known-hosts-load", ["advice"],
        "A: load_host_keys client …\n… 200 ms\nA: … load_host_keys client\nB: load_host_keys client2 …\n… 200 ms"
        "\nB: … load_host_keys client2",
    ),
    "a short known_hosts file, one of whose loads was held up": (
        "known-hosts-load", [],
        "A: load_host_keys client …\n… 400 ms\nA: … load_host_keys client\nB: load_host_keys client2",
    ),
    "a short known_hosts file that is loaded twice": (
        "known-hosts-load", [], "A: load_host_keys client\nB: load_host_keys client2",
    ),
    "one file saved in turns by luck": (
        "known-hosts-race", ["possible"], "A: save_host_keys client (7)\nB: save_host_keys client2 (7)",
    ),
    "one file saved under a lock": (
        "known-hosts-race", [],
        "A: take L\nA: save_host_keys client (7)\nA: free L\nB: take L\nB: save_host_keys client2 (7)\nB: free L",
    ),
    "lookups beside each other": ("known-hosts-race", [], "A: lookup keys …\nB: lookup keys\nA: … lookup keys"),
    "a command without a terminal whose channel nobody holds": (
        "dropped-channel", ["advice"],
        "A: exec_command ch\nT: finalize ch …\nT: sends-close ch\nT: finalized ch",
    ),
    "EOF that goes out after CLOSE, to a server that takes no offence": (
        "eof-after-close", ["advice"],
        "A: close ch …\nA: sends-close ch\nA: … close ch\nB: sends-eof ch\nB: recv ch2 = 5",
    ),
    "EOF that goes out after CLOSE, on a connection that was done": (
        "eof-after-close", ["advice"],
        "A: opens ch\nA: read ch.stdout\nT: gets-eof ch\nT: gets-close ch\nT: sends-close ch\nA: sends-eof ch\n"
        "T: … run conn\nA: close client",
    ),
    "EOF that goes out after CLOSE, and cuts off another channel": (
        "eof-after-close", ["observed"],
        "B: opens ch2\nA: opens ch\nA: read ch.stdout\nT: gets-eof ch\nT: gets-close ch\nT: sends-close ch\n"
        "A: sends-eof ch\nT: … run conn\nA: close client",
    ),
    "EOF that goes out after CLOSE, under a read with a limit that had given up before": (
        "eof-after-close", ["advice"],
        "A: recv ch ! TimeoutError\nT: gets-close ch\nT: sends-close ch\nA: sends-eof ch\nT: … run conn\n"
        "A: close client",
    ),
    "a channel closed alone": ("eof-after-close", [], "A: close ch …\nA: sends-eof ch\nA: sends-close ch"),
    "much output read line by line": ("slow-read", ["advice"], "A: readline ch.stdout = 20000000"),
    "much output read with recv()": ("slow-read", [], "A: recv ch = 20000000"),
    "little output read line by line": ("slow-read", [], "A: readline ch.stdout = 200000"),
    "a quick call while very much that was prefetched is still to come": (
        "prefetch-stall", ["possible"], "A: prefetch file (100000000)\nA: stat sftp",
    ),
    "a quick close while very much is still to come": (
        "prefetch-stall", [], "A: prefetch file (100000000)\nA: close file\nA: close sftp",
    ),
    "a quick call while less is to come": ("prefetch-stall", [], "A: prefetch file (50000000)\nA: stat sftp"),
    "a quick call before all of it is read": (
        "prefetch-stall", [], "A: prefetch file (100000000)\nA: stat sftp\nA: read file = 100000000",
    ),
    "a call behind a large prefetch for long": (
        "prefetch-stall", ["observed"], "A: prefetch file (50000000)\nA: stat sftp …\n… 5 s\nA: … stat sftp",
    ),
    "a call behind a large prefetch for a while": (
        "prefetch-stall", ["possible"], "A: prefetch file (50000000)\nA: stat sftp …\n… 500 ms\nA: … stat sftp",
    ),
    "the close of a file with a large prefetch": (
        "prefetch-stall", ["possible"], "A: prefetch file (50000000)\nA: close file …\n… 500 ms\nA: … close file",
    ),
    "a call after the close of a file whose prefetch still goes out": (
        "prefetch-stall", ["observed"],
        "A: prefetch file (50000000)\nA: close file\nA: listdir sftp …\n… 5 s\nA: … listdir sftp",
    ),
    "a slow call long after the close of a file whose prefetch has gone out": (
        "prefetch-stall", [],
        "A: prefetch file (50000000)\nA: close file\nA: stat sftp\nA: listdir sftp …\n… 5 s\nA: … listdir sftp",
    ),
    "a read far behind what a prefetch brings first": (
        "prefetch-stall", ["observed"],
        "A: prefetch file (50000000)\nA: seek file (1)\nA: read file …\n… 5 s\nA: … read file = 512",
    ),
    "the size of a prefetched file, asked for by a seek to its end": (
        "prefetch-stall", ["observed"], "A: prefetch file (50000000)\nA: seek file (1) …\n… 5 s\nA: … seek file",
    ),
    "a prefetched file that is read from its beginning": (
        "prefetch-stall", [],
        "A: prefetch file (50000000)\nA: seek file\nA: read file …\n… 5 s\nA: … read file = 900000",
    ),
    "a prefetched file that is read to its end": (
        "prefetch-stall", [],
        "A: prefetch file (50000000)\nA: read file = 50000000\nA: stat sftp …\n… 500 ms\nA: … stat sftp",
    ),
    "a file of unknown size that is prefetched and read whole": (
        "prefetch-stall", [],
        "A: prefetch file …\nA: state file ASKED_AHEAD 50000000\nA: … prefetch file\nA: read file = 50000000\n"
        "A: close file …\n… 5 s\nA: … close file",
    ),
    "a file of unknown size that is prefetched and closed": (
        "prefetch-stall", ["observed"],
        "A: prefetch file …\nA: state file ASKED_AHEAD 50000000\nA: … prefetch file\nA: close file …\n… 5 s\n"
        "A: … close file",
    ),
    "a small file of unknown size, prefetched and closed on a busy machine": (
        "prefetch-stall", [],
        "A: prefetch file …\nA: state file ASKED_AHEAD 500\nA: … prefetch file\nA: close file …\n… 2 s\n"
        "A: … close file",
    ),
    "a prefetch of an empty file, which asks for nothing": (
        "prefetch-stall", [], "A: prefetch file\nA: close file …\n… 2 s\nA: … close file",
    ),
    "a prefetched file whose size is asked for before it is read whole, line by line": (
        "prefetch-stall", [],
        "A: prefetch file (50000000)\nA: stat file …\n… 500 ms\nA: … stat file\nA: readline file = 50000000",
    ),
    "a prefetch with a limit": (
        "prefetch-stall", [], 'A: prefetch file (50000000) "8"\nA: stat sftp …\n… 500 ms\nA: … stat sftp',
    ),
    "a prefetch on an SFTP client of its own": (
        "prefetch-stall", [], "A: prefetch file (50000000)\nA: stat sftp2 …\n… 500 ms\nA: … stat sftp2",
    ),
    "a re-key in which the transport's thread has to answer": (
        "rekey-deadlock", ["observed"],
        "T: send_in_kex conn …\n… 30 s\nT: … send_in_kex conn ! SSHException: Key-exchange",
    ),
    "a re-key for which a sender waits": (
        "rekey-deadlock", [], "A: send_in_kex conn …\n… 5 s\nA: … send_in_kex conn",
    ),
    "a channel closed under another thread's call": (
        "closed-in-use", [], "A: send ch …\nMain: close ch\nA: … send ch ! OSError: Socket is closed",
    ),
    "a call on the transport's thread that came back": (
        "call-on-transport-thread", ["possible"], "T: send ch = 5",
    ),
    "a call on the transport's thread that stood still": (
        "call-on-transport-thread", ["observed"], "T: open_session conn …\n… 5 s\nend: 3",
    ),
    "a call on another connection from a handler": (
        "call-on-transport-thread", [], "A: send ch\nT: exec_command client2 …\n… 5 s\nT: … exec_command client2",
    ),
    "a handler that waits for long on another connection": (
        "callback-blocks-transport", ["observed"],
        "A: send ch\nT: exec_command client2 …\n… 5 s\nT: … exec_command client2",
    ),
    "a handler that reads what is there already": (
        "callback-blocks-transport", ["possible"], "T: recv ch = 5",
    ),
    "a handler that puts the channel into a queue": ("callback-blocks-transport", [], "T: put q ch\nA: get q ch"),
    "a relative path by luck after the right chdir": (
        "shared-sftp-cwd", ["possible"],
        "A: chdir sftp (1)\nA: stat sftp (1)\nB: chdir sftp (1)\nB: stat sftp (1)",
    ),
    "one chdir before the threads start": (
        "shared-sftp-cwd", [], "Main: chdir sftp (1)\nMain: start A\nMain: start B\nA: stat sftp (1)\nB: stat sftp (1)",
    ),
    "one file in turns by luck": ("shared-sftp-file", ["possible"], "A: read file\nB: read file"),
    "one file handed on by a queue": ("shared-sftp-file", [], "A: read file\nA: put q x\nB: get q x\nB: read file"),
    "logins with one agent in turns by luck": (
        "shared-agent", ["possible"], "A: sign_ssh_data agent (7)\nB: sign_ssh_data agent2 (7)",
    ),
    "logins with one agent under a lock": (
        "shared-agent", [],
        "A: take L\nA: sign_ssh_data agent (7)\nA: free L\nB: take L\nB: sign_ssh_data agent2 (7)\nB: free L",
    ),
    "logins under a lock, of which an agent signs on the connections' own threads": (
        "shared-agent", [],
        "A: take L\nA: connect client …\nT: sign_ssh_data agent (7)\nA: … connect client\nA: free L\n"
        "B: take L\nB: connect client2 …\nT2: sign_ssh_data agent2 (7)\nB: … connect client2\nB: free L",
    ),
    "logins in turns by luck, of which an agent signs on the connections' own threads": (
        "shared-agent", ["possible"],
        "A: connect client …\nT: sign_ssh_data agent (7)\nA: … connect client\n"
        "B: connect client2 …\nT2: sign_ssh_data agent2 (7)\nB: … connect client2",
    ),
    "a connection that outlives its thread": (
        "leaked-connection", ["advice"], "Main: start A\nA: makes conn7\nA: ends\nMain: join A\n… 1 s\nend: orderly",
    ),
    "an exception of a task that looks at it itself": (
        "lost-exception", [],
        'Main: submit f\nW: run f\nW: exec_command client ! SSHException: no\nW: fail f "SSHException: no"\nW: ask f'
        "\nend: orderly",
    ),
    "an import waits for a thread that is in no call that is seen": (
        "connect-at-import", ["observed"], "Main: start A\nMain: ask f … #import\n… 5 s\nend: 3",
    ),
    "an import waits for a thread that waits for its peer": (
        "connect-at-import", ["advice"], "Main: start A\nA: recv ch …\nMain: ask f … #import\n… 5 s\nend: 3",
    ),
    "a connect while a module is imported": ("connect-at-import", ["advice"], "Main: connect client #import"),
    "a connect in a function": ("connect-at-import", [],
        "Main: connect client\nMain: start A\nMain: ask f …\n… 5 s\nend: 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_pages_keep_what_they_promise(name: str) -> None:
    hazard, expected, story = STORIES[name]
    assert told(hazard, story) == expected
