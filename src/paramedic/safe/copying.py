"""``upload`` and ``download`` of a pool: files and trees, many requests at once, complete or not there at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import shlex
import time
from collections.abc import Callable
from typing import get_args

from paramedic.safe import sftp_packets as sftp
from paramedic.safe.dispatch import Dispatcher
from paramedic.safe.downloading import Downloader
from paramedic.safe.errors import BadConfiguration, ConnectionLost, SafeError, TransferError, TransferTimeout
from paramedic.safe.result import CommandResult
from paramedic.safe.sftp_packets import Attributes
from paramedic.safe.sftp_session import Job, SftpSession
from paramedic.safe.transfer import CopyResult, FileFailure, Halt, Options, Tally, Verify
from paramedic.safe.uploading import Uploader

_HASHED_TOGETHER = 50
_SWEEP_S = 5.0
Name = str | os.PathLike[str]
Run = Callable[[str], CommandResult]


def upload(dispatcher: Dispatcher, run: Run, local: Name, remote: Name, options: Options, verify: Verify) -> CopyResult:
    """Copies a file or a tree to the host; see ``ClientPool.upload``.

    Raises:
        TransferError: ``local`` is not there, or ``remote`` cannot be looked at.
        ValueError: there is no such ``verify``.
        SafeError: there is no connection or no SFTP.

    Threads: any thread but readers and callbacks. It blocks.
    """
    begun = time.monotonic()
    _check(verify)
    path = os.fspath(local)
    if not os.path.exists(path):
        raise TransferError(f"{path} is not there", host=dispatcher.host, phase="copy", hint="check the local path")
    if not (os.path.isfile(path) or os.path.isdir(path)):
        raise _odd(path, dispatcher.host)
    tally = Tally()
    name = os.fspath(remote)
    target = _remote(name, dispatcher.host)

    def copy(session: SftpSession) -> None:
        there, found = target, _stated(session, target)
        if name.endswith("/") and (found is None or not found.is_dir):
            hint = "make it with mkdir -p; without the slash it would be the copy's name"
            raise TransferError(f"there is no directory {name}", host=dispatcher.host, phase="copy", hint=hint)
        if name.endswith("/") or (found is not None and found.is_dir and not os.path.isdir(path)):
            there = posixpath.join(target, os.path.basename(os.path.abspath(path)))
        elif found is not None and not (found.is_dir or found.is_file):
            raise _odd(name, dispatcher.host)  # what is renamed to /dev/null takes its place
        uploader = Uploader(session, tally, options)
        if os.path.isdir(path):
            session.run(uploader.tree(path, there))
            uploader.finish()
        else:
            session.run([uploader.file(path, there)])

    _swept(dispatcher, target, tally, options, _remove, copy)
    return _result(dispatcher.host, tally, begun, run, verify)


def download(
    dispatcher: Dispatcher, run: Run, remote: Name, local: Name, options: Options, verify: Verify
) -> CopyResult:
    """Copies a file or a tree from the host; see ``ClientPool.download``.

    Raises:
        TransferError: ``remote`` is not there.
        ValueError: there is no such ``verify``.
        BadConfiguration: ``remote`` has no name of its own.
        SafeError: there is no connection or no SFTP.

    Threads: any thread but readers and callbacks. It blocks.
    """
    begun = time.monotonic()
    _check(verify)
    path = os.fspath(local)
    tally = Tally()
    name = os.fspath(remote)
    source = _remote(name, dispatcher.host)

    def copy(session: SftpSession) -> None:
        found = _stated(session, source)
        if found is None:
            raise TransferError(
                f"{name} is not there", host=dispatcher.host, phase="copy", hint="check the path on the host"
            )
        if not (found.is_dir or found.is_file):
            raise _odd(name, dispatcher.host)
        here = path
        if path.endswith(os.sep) or (os.path.isdir(path) and not found.is_dir):
            own = posixpath.basename(source.rstrip("/"))
            if own in ("", ".", ".."):
                raise BadConfiguration(
                    f"{name} has no name of its own to be put into {path}",
                    host=dispatcher.host,
                    phase="copy",
                    hint="name the file",
                )
            here = os.path.join(path, own)
        if os.path.exists(here) and not (os.path.isfile(here) or os.path.isdir(here)):
            raise _odd(here, dispatcher.host)
        make_folder(os.path.dirname(here) or ".", dispatcher.host)
        downloader = Downloader(session, tally, options)
        job = downloader.tree(source, here, found) if found.is_dir else downloader.file(source, here, found)
        session.run([job])
        downloader.finish()

    _swept(dispatcher, source, tally, options, _unlink, copy)
    return _result(dispatcher.host, tally, begun, run, verify)


def _check(verify: Verify) -> None:
    if verify not in get_args(Verify):  # whoever asked for more than sizes is not to believe that it was done
        raise ValueError(f"verify is to be {' or '.join(map(repr, get_args(Verify)))}, not {verify!r}")


def _odd(path: str, host: str) -> TransferError:
    return TransferError(
        f"{path} is neither a file nor a directory", host=host, phase="copy", hint="devices and pipes are not copied"
    )


def _swept(
    dispatcher: Dispatcher,
    path: str,
    tally: Tally,
    options: Options,
    remove: Callable[[Dispatcher, set[str]], None],
    copy: Callable[[SftpSession], None],
) -> None:
    """Copies by a session that it opens and closes; what a copy that was ended in the middle leaves behind, and nobody
    can resume, is removed."""
    halt = options.halt or Halt()
    session = SftpSession(dispatcher)
    try:
        session.open(path)
        with halt.watch(session.close):
            copy(session)
        session.close()  # here, too: where Ctrl-C strikes in it, it is called again
    except ConnectionLost as error:
        if not halt.called:
            raise
        remove(dispatcher, tally.parts)
        raise TransferError("the copy was stopped", host=dispatcher.host, phase="copy", hint="") from error
    except TransferTimeout:
        raise
    except BaseException:  # Ctrl-C too
        session.close()
        remove(dispatcher, tally.parts)
        raise
    finally:
        session.close()


def _unlink(dispatcher: Dispatcher, parts: set[str]) -> None:
    for part in parts:
        with contextlib.suppress(OSError):
            os.unlink(part)


def make_folder(path: str, host: str) -> None:
    """Makes a local directory, and those above it, if they are not there.

    Raises:
        TransferError: it cannot be made.

    Threads: any thread; it does not block.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except (OSError, ValueError) as error:
        raise TransferError(
            f"no directory {path} can be made here: {getattr(error, 'strerror', None) or error}",
            host=host,
            phase="copy",
            hint="check the local path",
        ) from error


def _remove(dispatcher: Dispatcher, parts: set[str]) -> None:
    # By a session of its own: in the first, half a request may be on its way.
    def job(part: str) -> Job:
        yield [(sftp.REMOVE, sftp.text(part))]

    if parts:
        with contextlib.suppress(SafeError), contextlib.closing(SftpSession(dispatcher, _SWEEP_S)) as session:
            session.open(".")
            session.run(job(part) for part in parts)


def _remote(path: str, host: str) -> str:
    if not path or "\0" in path:
        raise BadConfiguration(f"not a path: {path!r}", host=host, phase="copy", hint="it is empty, or has a NUL in it")
    # SFTP knows no tilde; relative paths begin at home.
    path = path[2:] or "." if path.startswith("~/") else "." if path == "~" else path
    return path.rstrip("/") or "/"


def _stated(session: SftpSession, path: str) -> Attributes | None:
    try:
        return session.stated.expect(sftp.ATTRS).attributes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TransferError(f"{path}: {error.strerror or error}", host=session.host, phase="copy") from error


def _result(host: str, tally: Tally, begun: float, run: Run, verify: Verify) -> CopyResult:
    if verify == "sha256":
        _verify(tally, run)
    return CopyResult(
        host=host,
        files=tally.files,
        bytes=tally.bytes,
        resumed_bytes=tally.resumed,
        skipped=tuple(tally.skipped),
        failures=tuple(tally.failures),
        duration_s=time.monotonic() - begun,
    )


def _verify(tally: Tally, run: Run) -> None:
    for at in range(0, len(tally.pairs), _HASHED_TOGETHER):
        part = tally.pairs[at : at + _HASHED_TOGETHER]
        # One name per call: names with newlines or backslashes are printed in a form of their own.
        script = "; ".join(f"sha256sum < {shlex.quote(remote)}" for _, remote in part)
        lines = [line.split()[0] for line in run(script).text.splitlines() if line.split()]
        if len(lines) != len(part):
            tally.failures.append(FileFailure(path=part[0][1], error="the host could not compute SHA-256 sums"))
            return
        for (local, remote), there in zip(part, lines, strict=True):
            with open(local, "rb") as file:
                here = hashlib.file_digest(file, "sha256").hexdigest()
            if here != there:
                tally.failures.append(FileFailure(path=remote, error="its SHA-256 sum differs"))


__all__ = ["download", "make_folder", "upload"]
