"""The program that a pool with ``runner=True`` has run on the other side: it starts commands as sshd starts them.

Its text is sent over a session and run by the server's own Python (3.8 or newer, Linux). It imports nothing of ours and
little of anybody's, because starting it must be quick.

Every command is a process of its own, started the way in which the server started us: the same shell, first arguments,
environment and folder, a new session of processes, three pipes of its own. Nothing of it can be left for the next
one, because there is nothing that they share. Where we were not started as sshd starts commands (a forced command, a
shell around the shell), we say so and end.

What is said, in both directions, is a kind (one byte), a command's number and a length (four bytes each), and as many
bytes. To us: RUN with the length of the command, the command and its input; SIGNAL with a name; DROP, whose output
nobody wants any more. From us: OUT and ERR with output; EXIT with how it ended; REFUSED, if no process could be made;
ALIVE, where a while passed without anything else to say of a new command.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # the module above it takes a third of our start
import os
import pwd
import select
import sys
import time

RUN, SIGNAL, DROP = 1, 2, 3
OUT, ERR, EXIT, REFUSED, ALIVE = 1, 2, 3, 4, 5
EXITED, SIGNALED, DUMPED = 0, 1, 2
READ_BYTES = 65536
BACKLOG_BYTES = 262144
NO_PROCESS = (11, 12)  # EAGAIN, ENOMEM
SIGNALS = {  # those that sshd names (sig2name in its session.c)
    getattr(signal, "SIG" + name): name.encode()
    for name in "ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2".split()
}


class _Unfit(Exception):
    """We cannot do here what sshd does."""


class _Command:
    """One command: its process, and how many of its two outputs may still say something."""

    def __init__(self, number: int, pid: int) -> None:
        self.number = number
        self.pid = pid
        self.open = 2
        self.dropped = False
        self.told = False


def _began(shell: int) -> tuple[str, list[bytes], dict[bytes, bytes]]:
    """How the server began the shell that began us: its program, its words and its variables."""
    folder = f"/proc/{shell}/"
    with open(folder + "cmdline", "rb") as file:
        words = file.read().split(b"\0")[:-1]
    with open(folder + "environ", "rb") as file:
        variables = [entry.partition(b"=") for entry in file.read().split(b"\0") if b"=" in entry]
    return os.readlink(folder + "exe"), words, {name: value for name, _, value in variables}


def _account(name: bytes) -> pwd.struct_passwd:
    """Whose commands we run: several accounts may have one number, each with a shell and a home of its own."""
    try:
        account = pwd.getpwnam(os.fsdecode(name))
    except (KeyError, ValueError):
        raise _Unfit("who is logged in is not known") from None
    if account.pw_uid != os.getuid():
        raise _Unfit("this is not the account that is logged in")
    return account


def _is_overheard(shell: int) -> bool:
    """Whether the shell's start-up files left a process that may write into what we say."""
    mine = os.stat(1)
    for name in os.listdir("/proc"):
        try:
            if not name.isdigit() or int(name) in (shell, os.getpid()) or os.getsid(int(name)) != shell:
                continue
            for file in os.listdir(f"/proc/{name}/fd"):
                if os.path.samestat(mine, os.stat(f"/proc/{name}/fd/{file}")):
                    return True
        except OSError:
            pass  # it has ended, or is none of ours
    return False


class _Runner:
    """Starts commands, passes on what they say, and tells how they end. One thread, which waits in one place."""

    def __init__(self, shell: int, alive_after_s: float) -> None:
        self.alive_after_s = alive_after_s
        program, words, self.environment = _began(shell)
        account = _account(self.environment.get(b"LOGNAME", b""))
        self.shell = account.pw_shell or "/bin/sh"
        if not hasattr(os, "posix_spawn"):
            raise _Unfit("its Python is older than 3.8")
        try:
            os.posix_spawn("/", ["/"], {}, setsid=True)
        except NotImplementedError:
            raise _Unfit("its system starts no process in a session of its own") from None
        except OSError:
            pass  # a folder is no program
        if b"SSH_ORIGINAL_COMMAND" in self.environment:
            raise _Unfit("there is a forced command")
        if len(words) != 3 or words[1] != b"-c" or os.getsid(shell) != shell:
            raise _Unfit("commands are not started as sshd does")
        if not os.path.samefile(program, self.shell):
            raise _Unfit("commands are not run by the login shell")
        if not all(os.readlink(f"/proc/self/fd/{file}").startswith("pipe:") for file in range(3)):
            raise _Unfit("commands are not given pipes")
        if os.path.exists(account.pw_dir + "/.ssh/rc") or os.path.exists("/etc/ssh/sshrc"):
            raise _Unfit("there is an sshrc, which sshd runs for each session")
        if _is_overheard(shell):
            raise _Unfit("the shell's start-up files leave something running that has its output")
        os.chdir(account.pw_dir)
        self.first_words = words[:2]
        self.commands: dict[int, _Command] = {}
        self.outputs: dict[int, tuple[int, _Command]] = {}
        self.ended: list[_Command] = []
        self.silent: list[_Command] = []
        self.silent_since = 0.0
        self.heard = b""
        self.to_say: list[bytes] = []
        self.backlog = 0
        self.blocked = False
        self.poll = select.epoll()
        self.woken, wake = os.pipe()
        os.set_blocking(self.woken, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        os.set_blocking(0, False)
        os.set_blocking(1, False)
        self.poll.register(0, select.EPOLLIN)
        self.poll.register(self.woken, select.EPOLLIN)

    def serve(self) -> None:
        while True:
            found = self.poll.poll(self.alive_after_s if self.silent else -1)
            if self.silent and time.monotonic() - self.silent_since >= self.alive_after_s:
                self.tell_alive()
            heard = False
            for file, _ in found:
                if file in self.outputs:
                    self.pass_on(file)
                elif file == self.woken:
                    os.read(file, 4096)
                elif file == 0:
                    heard = True
            if self.ended:
                self.reap()
            if heard and not self.listen():
                return
            if self.to_say:
                self.speak()

    # -- what we are told

    def listen(self) -> bool:
        try:
            data = os.read(0, READ_BYTES)
        except BlockingIOError:
            return True
        if not data:
            return False
        self.heard += data
        while len(self.heard) >= 9:
            size = int.from_bytes(self.heard[5:9], "big")
            if len(self.heard) < 9 + size:
                break
            kind, number = self.heard[0], int.from_bytes(self.heard[1:5], "big")
            payload, self.heard = self.heard[9 : 9 + size], self.heard[9 + size :]
            if kind == RUN:
                ends = 4 + int.from_bytes(payload[:4], "big")
                self.run(number, payload[4:ends], payload[ends:])
            elif number in self.commands:
                command = self.commands[number]
                if kind == SIGNAL:
                    self.send_signal(command, payload)
                elif kind == DROP:
                    self.drop(command)
        return True

    def run(self, number: int, text: bytes, given: bytes) -> None:
        made: list[int] = []
        try:
            for _ in range(3):
                made += os.pipe()
            their_input, my_input, mine, theirs, my_errors, their_errors = made
            pid = os.posix_spawn(
                self.shell,
                [*self.first_words, text],
                self.environment,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, their_input, 0),
                    (os.POSIX_SPAWN_DUP2, theirs, 1),
                    (os.POSIX_SPAWN_DUP2, their_errors, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # which Python ignores
            )
        except OSError as error:
            for file in made:
                os.close(file)
            if len(made) < 6 or error.errno in NO_PROCESS:
                self.say(REFUSED, number, b"")
            else:  # what sshd's child says when it cannot become the shell
                self.say(ERR, number, f"{self.shell}: {error.strerror}\n".encode())
                self.say(EXIT, number, bytes((EXITED, 1)))
            return
        for file in (their_input, theirs, their_errors):
            os.close(file)
        try:
            if given:
                os.write(my_input, given)  # no more than PIPE_BUF, for which every new pipe has room
        except BrokenPipeError:
            pass  # it reads nothing
        os.close(my_input)
        command = self.commands[number] = _Command(number, pid)
        for file, kind in ((mine, OUT), (my_errors, ERR)):
            self.outputs[file] = (kind, command)
            if not self.blocked:
                self.poll.register(file, select.EPOLLIN)
        if not self.silent:
            self.silent_since = time.monotonic()
        self.silent.append(command)

    def send_signal(self, command: _Command, name: bytes) -> None:
        # Its process is not reaped before all is over, so that nobody else can have its group's number.
        try:
            os.killpg(command.pid, getattr(signal, "SIG" + name.decode()))
        except OSError:
            pass

    def drop(self, command: _Command) -> None:
        command.dropped = True
        for file in [file for file, (_, owner) in self.outputs.items() if owner is command]:
            self.close(file)

    # -- what we tell

    def pass_on(self, file: int) -> None:
        kind, command = self.outputs[file]
        data = os.read(file, READ_BYTES)
        if data:
            self.say(kind, command.number, data)
            command.told = True
        else:
            self.close(file)

    def close(self, file: int) -> None:
        _, command = self.outputs.pop(file)
        os.close(file)  # epoll forgets it hereby
        command.open -= 1
        if not command.open:
            self.ended.append(command)

    def reap(self) -> None:
        left = []
        for command in self.ended:
            pid, status = os.waitpid(command.pid, os.WNOHANG)
            if not pid:
                left.append(command)  # it said that it will say no more, and lives: SIGCHLD will wake us
                continue
            del self.commands[command.number]
            command.told = True
            if command.dropped:
                continue
            if os.WIFSIGNALED(status):
                how = DUMPED if os.WCOREDUMP(status) else SIGNALED
                self.say(EXIT, command.number, bytes((how,)) + SIGNALS.get(os.WTERMSIG(status), b"SIG@openssh.com"))
            else:
                self.say(EXIT, command.number, bytes((EXITED, os.WEXITSTATUS(status))))
        self.ended = left
        self.silent = [command for command in self.silent if not command.told]

    def tell_alive(self) -> None:
        for command in self.silent:
            if not command.told:
                self.say(ALIVE, command.number, b"")
        self.silent = []

    def say(self, kind: int, number: int, payload: bytes) -> None:
        self.to_say += [b"%c%b%b" % (kind, number.to_bytes(4, "big"), len(payload).to_bytes(4, "big")), payload]
        self.backlog += 9 + len(payload)
        if self.backlog > BACKLOG_BYTES:
            self.speak()

    def speak(self) -> None:
        data = memoryview(b"".join(self.to_say))
        while data:
            try:
                data = data[os.write(1, data) :]
            except BlockingIOError:
                break
        self.to_say = [bytes(data)] if data else []
        self.backlog = len(data)
        if bool(data) != self.blocked:
            # While nobody takes what we say, we take nothing of the commands: their own pipes fill, and they wait.
            self.blocked = not self.blocked
            for file in self.outputs:
                self.poll.unregister(file) if self.blocked else self.poll.register(file, select.EPOLLIN)
            self.poll.register(1, select.EPOLLOUT) if self.blocked else self.poll.unregister(1)


def _main() -> None:
    mark = sys.argv[1].encode()
    try:
        runner = _Runner(int(sys.argv[2]), float(sys.argv[3]))
    except (_Unfit, OSError, KeyError) as error:
        os.write(1, mark + b" unfit " + str(error).encode("ascii", "replace") + b"\n")
        return
    os.write(1, mark + b" ready\n")
    try:
        runner.serve()
    except (BrokenPipeError, ConnectionResetError):
        pass  # nobody listens any more


if __name__ == "__main__":
    _main()
