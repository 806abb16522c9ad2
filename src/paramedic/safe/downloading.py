"""Files from there to here: jobs for an SFTP session. A file appears under its name only when it is complete."""

from __future__ import annotations

import contextlib
import os
import posixpath
import struct
from collections.abc import Generator
from io import FileIO

from paramedic.safe import sftp_packets as sftp
from paramedic.safe.sftp_packets import Attributes, Reply
from paramedic.safe.sftp_session import Job, Request, SftpSession
from paramedic.safe.transfer import FEWEST_REQUESTS, Options, Pieces, Tally, part_name

Step = Generator[list[Request], list[Reply], None]
_DEEPEST = 100


class Downloader:
    """Makes the jobs of one download.

    Names come from the server, and a bad one could be chosen so as to be written outside of the target: only plain
    names are taken.

    Threads: the thread that drives the session.
    """

    def __init__(self, session: SftpSession, tally: Tally, options: Options) -> None:
        """Keeps what the jobs have in common.

        Threads: any thread; it does not block.
        """
        self.session = session
        self.tally = tally
        self.options = options
        self._made: list[tuple[str, Attributes]] = []

    def tree(
        self, remote: str, local: str, attributes: Attributes, depth: int = 0, above: frozenset[str] = frozenset()
    ) -> Job:
        """The job for a directory; it spawns those for what is in it.

        Args:
            remote: path there.
            local: path here.
            attributes: what a listing said of the directory.
            depth: in how many others it is.
            above: the paths of these, without links; where links are followed, one may lead back to them.

        Threads: the driving thread. It makes directories.
        """
        handle = b""
        try:
            if depth > _DEEPEST:
                raise OSError("directories in each other without end; a link that leads back?")
            requests = [(sftp.OPENDIR, sftp.text(remote))]
            if self.options.follow_symlinks:
                requests.append((sftp.REALPATH, sftp.text(remote)))
            opened, *where = yield requests
            handle = sftp.text(opened.expect(sftp.HANDLE).string())
            for reply in where:
                reader = reply.expect(sftp.NAME)
                reader.number()
                real = reader.name()
                if real in above:
                    self.tally.skipped.append(remote)
                    yield [(sftp.CLOSE, handle)]
                    return
                above |= {real}
            self._make(local, attributes)
            while True:
                (listed,) = yield [(sftp.READDIR, handle)]
                if listed.is_eof():
                    break
                reader = listed.expect(sftp.NAME)
                for _ in range(reader.number()):
                    name = reader.name()
                    reader.string()
                    self._entry(name, reader.attributes(), remote, local, depth, above)
        except (OSError, ValueError) as error:
            self.tally.fail(remote, error)
        if handle:
            yield [(sftp.CLOSE, handle)]

    def _make(self, local: str, attributes: Attributes) -> None:
        mode = 0o777
        if self.options.preserve and attributes.mode is not None:
            mode = attributes.mode & 0o777 | 0o700  # until it is full
        try:
            os.mkdir(local, mode)
        except FileExistsError:
            if not os.path.isdir(local):
                raise
        else:
            self._made.append((local, attributes))  # one that was there keeps what it has

    def finish(self) -> None:
        """Gives the directories that were made their permissions and times, now that nothing more comes into them.

        Threads: the driving thread. It does not block.
        """
        for local, attributes in reversed(self._made if self.options.preserve else []):
            with contextlib.suppress(OSError):  # no failure of the copy
                if attributes.mtime is not None:
                    os.utime(local, (attributes.atime or attributes.mtime, attributes.mtime))
                if attributes.mode is not None:
                    inherited = os.stat(local).st_mode & 0o7000
                    os.chmod(local, inherited | attributes.mode & 0o3777)

    def _entry(
        self, name: str, attributes: Attributes, remote: str, local: str, depth: int, above: frozenset[str]
    ) -> None:
        if name in (".", ".."):
            return
        there = posixpath.join(remote, name)
        if not name or "/" in name or "\0" in name or (os.sep != "/" and (os.sep in name or ":" in name)):
            self.tally.fail(there, OSError("the server sent a name that leads elsewhere"))
            return
        here = os.path.join(local, name)
        if attributes.is_dir:
            self.session.spawn(self.tree(there, here, attributes, depth + 1, above))
        elif attributes.is_link:
            if self.options.follow_symlinks:
                self.session.spawn(self._follow(there, here, depth, above))
            else:
                self.tally.skipped.append(there)
        elif attributes.is_file:
            self.session.spawn(self.file(there, here, attributes))
        else:
            self.tally.skipped.append(there)

    def _follow(self, remote: str, local: str, depth: int, above: frozenset[str]) -> Job:
        try:
            (found,) = yield [(sftp.STAT, sftp.text(remote))]
            attributes = found.expect(sftp.ATTRS).attributes()
        except (OSError, ValueError) as error:
            self.tally.fail(remote, error)
            return
        if attributes.is_dir:
            self.session.spawn(self.tree(remote, local, attributes, depth + 1, above))
        elif not attributes.is_file:
            self.tally.skipped.append(remote)  # to open a pipe would hold the server up
        else:
            self.session.spawn(self.file(remote, local, attributes))

    def file(self, remote: str, local: str, attributes: Attributes) -> Job:
        """The job for one file.

        Args:
            remote: path there.
            local: path here.
            attributes: what a listing said of the file.

        Threads: the driving thread. It writes the file.
        """
        download = _Download(self, remote, local, attributes)
        try:
            yield from download.begin()
        except (OSError, ValueError) as error:
            yield from download.give_up(error)
        finally:
            download.leave()


class _Download:
    """One file under way."""

    def __init__(self, parent: Downloader, remote: str, local: str, attributes: Attributes) -> None:
        self._session, self._tally, self._options = parent.session, parent.tally, parent.options
        self._remote, self._local = remote, local
        self._size = attributes.size or 0
        self._attributes = attributes
        folder, name = os.path.split(local)
        part = part_name(name, self._size, attributes.mtime or 0, resume=self._options.resume)
        self._part = os.path.join(folder, part)
        self._handle = b""
        self._file: FileIO | None = None  # jobs that are dropped before they began leave it to the garbage collector
        self._descriptor = -1
        self._users = 1
        self._pieces = Pieces(0, 0, 1, 1)
        self._readers = 0
        self._stated: Reply | None = None
        self._before: int | None = None
        self._failed: Exception | None = None

    def leave(self) -> None:
        self._users -= 1
        if not self._users and self._file is not None:
            self._file.close()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        flags |= getattr(os, "O_NOFOLLOW", 0) | (0 if self._options.resume else os.O_TRUNC)
        if not self._options.preserve:
            with contextlib.suppress(OSError):  # a copy over a file leaves it as private as it was
                self._before = os.stat(self._local).st_mode & 0o777
        private = self._options.preserve or self._before is not None
        self._descriptor = os.open(self._part, flags, 0o600 if private else 0o666)  # less what the umask says
        if not self._options.resume:
            self._tally.parts.add(self._part)
        self._file = FileIO(self._descriptor, "wb")

    def begin(self) -> Step:
        (opened,) = yield [self._opening()]
        self._handle = opened.expect(sftp.HANDLE).string()
        handle = sftp.text(self._handle)
        if self._size <= self._session.read_bytes:
            # One round trip: the server works in order.
            whole = self._read(0, self._session.read_bytes)
            read, stated, _ = yield [whole, (sftp.FSTAT, handle), (sftp.CLOSE, handle)]
            self._handle = b""
            data = b"" if read.is_eof() else read.expect(sftp.DATA).string()
            size = stated.expect(sftp.ATTRS).attributes().size
            if size == 0 and data:
                yield from self._to_the_end()
                return
            if size is not None and size != len(data):
                raise OSError(f"{len(data)} bytes arrived of {size}")
            self._size = len(data)
            self._open()
            self._store(0, data)
            self._complete()
            return
        self._open()
        piece = self._session.read_bytes
        start, most = 0, self._session.reads_at_once
        if self._options.resume:
            most = FEWEST_REQUESTS
            there = os.fstat(self._descriptor).st_size
            if there <= self._size:
                # One piece at least, behind which the file is closed.
                start = max(0, min(self._session.without_holes(there, piece), self._size - piece))
                self._tally.resumed += start
        self._pieces = Pieces(start, self._size, piece, most)
        self._readers = min(most, self._pieces.count)
        for _ in range(self._readers):
            self._users += 1
            self._session.spawn(self._reader())

    def _opening(self) -> Request:
        return sftp.OPEN, sftp.text(self._remote) + struct.pack(">I", sftp.FLAG_READ) + b"\0\0\0\0"

    def _read(self, at: int, size: int) -> Request:
        return sftp.READ, sftp.text(self._handle) + struct.pack(">QI", at, size)

    def _to_the_end(self) -> Step:
        # What is in /proc has no size, and a content all the same.
        (opened,) = yield [self._opening()]
        self._handle = opened.expect(sftp.HANDLE).string()
        self._open()
        self._size = 0
        while True:
            (read,) = yield [self._read(self._size, self._session.read_bytes)]
            if read.is_eof():
                break
            data = read.expect(sftp.DATA).string()
            if not data:
                raise OSError("the server sent nothing")
            self._store(self._size, data)
            self._size += len(data)
        handle, self._handle = sftp.text(self._handle), b""
        yield [(sftp.CLOSE, handle)]
        self._complete()

    def _reader(self) -> Job:
        last = False
        try:
            while self._failed is None and (piece := self._pieces.take()) is not None:
                at, left = piece
                while left:  # a server may send less than it was asked for
                    if not self._handle:  # closed behind the last piece, which nothing but the end of the file precedes
                        raise OSError("the file became shorter while it was copied")
                    if at + left == self._size and self._session.works_in_order:
                        # Everything else was asked for: what is asked at the end need not wait for the answers.
                        handle, self._handle = sftp.text(self._handle), b""
                        read, self._stated, _ = yield [
                            (sftp.READ, handle + struct.pack(">QI", at, left)),
                            (sftp.FSTAT, handle),
                            (sftp.CLOSE, handle),
                        ]
                    else:
                        (read,) = yield [self._read(at, left)]
                    if read.is_eof():
                        raise OSError("the file became shorter while it was copied")
                    data = read.expect(sftp.DATA).string()[:left]
                    if not data:
                        raise OSError("the server sent nothing")
                    self._store(at, data)
                    at, left = at + len(data), left - len(data)
                self._pieces.done(piece[0])
            last = self._readers == 1
        except (OSError, ValueError) as error:
            self._failed = self._failed or error
            last = self._readers == 1
        finally:
            self._readers -= 1
            if not last:
                self.leave()
        if last:  # its share of the file goes to the job that finishes
            self._session.spawn(self._finish())

    def _finish(self) -> Job:
        try:
            if self._failed is not None:
                raise self._failed
            stated = self._stated
            if stated is None:
                handle, self._handle = sftp.text(self._handle), b""
                stated, _ = yield [(sftp.FSTAT, handle), (sftp.CLOSE, handle)]
            size = stated.expect(sftp.ATTRS).attributes().size
            if size is not None and size != self._size:
                raise OSError("the file changed while it was copied")
            self._complete()
        except (OSError, ValueError) as error:
            yield from self.give_up(error)
        finally:
            self.leave()

    def _store(self, at: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            done = os.pwrite(self._descriptor, view, at)
            view, at = view[done:], at + done
        if self._options.progress is not None:
            self._options.progress(self._remote, len(data))

    def _complete(self) -> None:
        os.ftruncate(self._descriptor, self._size)
        if self._options.preserve:
            attributes = self._attributes
            if attributes.mode is not None:
                os.fchmod(self._descriptor, attributes.mode & 0o777)  # no set-user-id, whatever the server says
            if attributes.mtime is not None:
                os.utime(self._descriptor, (attributes.atime or attributes.mtime, attributes.mtime))
        elif self._before is not None:
            os.fchmod(self._descriptor, self._before)
        os.replace(self._part, self._local)
        self._tally.parts.discard(self._part)
        self._tally.files += 1
        self._tally.bytes += self._size
        self._tally.pairs.append((self._local, self._remote))

    def give_up(self, error: Exception) -> Step:
        self._tally.fail(self._remote, error)
        if not self._options.resume:
            with contextlib.suppress(OSError, ValueError):  # a NUL in its name
                os.unlink(self._part)
            self._tally.parts.discard(self._part)
        if self._handle:
            yield [(sftp.CLOSE, sftp.text(self._handle))]
