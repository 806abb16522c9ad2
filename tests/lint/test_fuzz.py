"""Whatever a file holds, reading it breaks nothing: one line says that it could not be read, the rest is linted."""

from __future__ import annotations

import ast
import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_programs import PROGRAMS

from paramedic.check.lint import LintOptions, lint

SHARED = """\
import paramiko
from concurrent.futures import ThreadPoolExecutor


def main(client: paramiko.SSHClient, names):
    sftp = client.open_sftp()
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(sftp.stat, names))
"""

SOURCES = [text for files in PROGRAMS.values() for text in files.values() if text]


def _lint_beside_a_good_file(data: bytes, name: str = "odd.py") -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        (Path(folder) / "sizes.py").write_text(SHARED)
        report = lint([Path(folder)], LintOptions(pedantic=True, jobs=1))
        here = {f.hazard for f in report.findings if f.site is not None and f.site.file.endswith("sizes.py")}
        assert "shared-sftp-client" in here
        assert all(len(g.detail.splitlines()) == 1 and g.reason != "lens-failed" for g in report.gaps)
        return [g.reason for g in report.gaps]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SOURCES), st.randoms(use_true_random=False))
def test_a_program_with_bytes_out_of_place(source: str, random_: random.Random) -> None:
    data = bytearray(source.encode())
    for _ in range(random_.randint(1, 6)):
        start = random_.randrange(len(data) + 1)
        piece = data[start : start + random_.randint(1, 40)]
        where = random_.randrange(len(data) + 1)
        odd = bytes([random_.randrange(256)]) * random_.randint(1, 3)
        data[where:where] = random_.choice([piece, odd, b"\0", b"\xff\xfe", b"(" * 50, b"\n" * 3])
        del data[start : start + random_.choice([0, 1, 7])]
    assert len(_lint_beside_a_good_file(bytes(data))) <= 1


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_speak_of_paramiko(data: bytes) -> None:
    assert len(_lint_beside_a_good_file(b"import paramiko\nparamiko.SSHClient()\n" + data)) <= 1


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_notebooks_that_are_none(data: bytes) -> None:
    text = b'{"cells": [{"cell_type": "code", "source": ["import paramiko\\n", "paramiko.SSHClient()"]}'
    assert len(_lint_beside_a_good_file(text + data, "odd.ipynb")) <= 1


class _Shuffled(ast.NodeTransformer):
    """Statements in another order, operands and arguments exchanged: Python that nobody would write, and parses."""

    def __init__(self, random_: random.Random) -> None:
        self.random = random_

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for name in ("body", "orelse", "args", "elts", "keywords", "handlers"):
            block = getattr(node, name, None)
            if isinstance(block, list) and len(block) > 1 and self.random.random() < 0.3:
                self.random.shuffle(block)
        return node


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SOURCES), st.randoms(use_true_random=False))
def test_programs_that_parse_and_make_no_sense(source: str, random_: random.Random) -> None:
    tree = _Shuffled(random_).visit(ast.parse(source))
    text = ast.unparse(ast.fix_missing_locations(tree))
    assert set(_lint_beside_a_good_file(text.encode())) <= {"too-much-work", "syntax"}
