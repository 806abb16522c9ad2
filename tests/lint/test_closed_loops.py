"""Loops that read until a channel is closed, as the source tells: what ends them, and what is read after them."""

from __future__ import annotations

import ast

import pytest

from paramedic.lint.closed_loops import ended_by
from paramedic.lint.names import own

FOUND = {
    "until it is closed": """
while not channel.closed:
    if channel.recv_ready():  # here
        out.append(channel.recv(1000))
""",
    "until its end is known": """
while not self.channel.eof_received:
    while self.channel.recv_ready():  # here
        out.append(self.channel.recv(1000))
    time.sleep(0.1)
""",
    "or until somebody says so": """
while not stop.is_set() and not stdout.channel.closed:
    if stdout.channel.recv_ready():
        out.append(stdout.channel.recv(1000))  # here
""",
    "it is left once it is closed": """
while True:
    if channel.recv_ready():  # here
        out.append(channel.recv(1000))
    if channel.closed:
        break
""",
    "its function is left once its end is known": """
def read():
    while time.time() < limit:
        if channel.eof_received:
            log("done")
            return out
        while channel.recv_ready():  # here
            out.append(channel.recv(1000))
""",
}
QUIET = {
    "it is left once it is closed and the buffer is empty": """
while True:
    if channel.recv_ready():  # here
        out.append(channel.recv(1000))
    if channel.closed and not channel.recv_ready():
        break
""",
    "what is left is read on the way out": """
while True:
    if channel.closed:
        out.append(channel.recv(1000000))
        break
    if channel.recv_ready():  # here
        out.append(channel.recv(1000))
""",
    "it is closed where nothing was there": """
while True:
    if channel.recv_ready():  # here
        out.append(channel.recv(1000))
    elif channel.closed:
        break
""",
    "who finds it closed dials again": """
while True:
    if channel.closed:
        channel = dial()
    if channel.recv_ready():  # here
        out.append(channel.recv(1000))
""",
    "the buffer counts, too": """
while not channel.closed or channel.recv_ready():
    if channel.recv_ready():  # here
        out.append(channel.recv(1000))
""",
    "what is left is read afterwards": """
while not channel.closed:
    if channel.recv_ready():  # here
        out.append(channel.recv(1000))
while channel.recv_ready():
    out.append(channel.recv(1000))
""",
    "something else is closed": """
while not visitor.closed:
    if channel.recv_ready():  # here
        visitor.send(channel.recv(1000))
""",
    "recv() itself says when it ends": """
while not channel.closed:
    data = channel.recv(1000)  # here
    if not data:
        break
""",
    "another loop is it": """
while not channel.closed:
    time.sleep(0.1)
    channel.recv_ready()
def later():
    while True:
        if channel.recv_ready():  # here
            out.append(channel.recv(1000))
""",
}


def ends(source: str) -> str:
    line = next(number for number, text in enumerate(source.splitlines(), 1) if text.endswith("# here"))
    tree = ast.parse(source)
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.lineno < line]
    return ended_by(own(functions[0] if functions else tree), line)


@pytest.mark.parametrize("how", FOUND)
def test_a_loop_that_leaves_what_is_in_the_buffer(how: str) -> None:
    assert ends(FOUND[how]).endswith(("channel.closed", "channel.eof_received"))


@pytest.mark.parametrize("how", QUIET)
def test_a_loop_that_leaves_nothing(how: str) -> None:
    assert ends(QUIET[how]) == ""
