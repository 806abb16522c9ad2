"""Runs of programs in a two-column notation: who, and what they did.

::

    A: start B, start B daemon    a thread starts another; one that nobody starts was started before the story begins
    A: start B timer              … and that is a Timer
    A: recv ch                    a whole call: Channel.recv, which returned
    A: recv ch …                  a call begins; ``A: … recv ch`` is its end
    A: recv ch = 17               it returned this
    A: … stat sftp ! EOFError     it raised this
    A: chdir sftp (1)             argument ``a`` of the call; ``"words"`` is its text
    A: take L, wait L, got L, try L, gave-up L, free L
    A: take L notes               … where the source tells that it only notes or prints something under it
    A: put q x, get q x, set ev, await ev, release sem, acquire sem, submit f, run f, done f, fail f "E", ask f
    B: was A                      the same thread of the system's, which has ended and finalizes what it had
    A: join B, join B …           another thread has ended; another thread is waited for
    A: opens ch, gets-eof ch, gets-close ch, sends-eof ch, sends-close ch, feed ch out 4096, status ch 0, finalize ch
    A: collect ch.stdin           the collector of cycles finds it
    A: works ex 2                 it is a worker of a pool that may have two; ``submit f outer`` is another place
    A: crew sq                    … of a `ThreadPool` with this queue; ``submit f sq`` gives it a task
    Main: passes-on f, unretrieved f   an event loop gets a future's exception, and was never asked for it
    A: handles stop               the function "stop" is a signal handler from now on
    T: opens ch peer              the peer has asked for it
    A: opens ch2 as ch1           the peer uses its number of ch1 again
    A: makes-event ev             by this thread, and not from the start
    A: makes-condition cond RL    … with its lock; ``given`` after it: one that was there before
    A: makes conn7                a connection that is not there from the start; ``… inside`` the open connect()
    A: drops conn7                the last reference to its client is gone
    … 5 s                         time passes
    end: orderly                  or the status with which the process ended; ``broken-off`` by an exception of Main

Each line is a millisecond after the one before. A name says what it names: ``ch2`` is a channel, ``sftp`` an SFTP
client, ``L1`` a lock, ``RL`` an RLock, ``semb`` a semaphore of one … ``x.stdout`` is a stream. Each is there from the
start, and belongs to ``conn`` of ``client``, whose thread is ``T``; ``ch@conn2`` belongs to ``conn2`` of ``client2``,
whose thread is ``T2``. A channel that somebody ``opens`` belongs to it from then on.
Equal words after the colon stand on the same line of the program, as when several threads run one function; a ``#2`` at
the end makes it another line, a ``#name`` one in a function of that name, ``#name<caller`` one that another called.
Whatever ends with the same ``#@name`` stands on one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from paramedic.analysis.polls import LOGGINGS
from paramedic.analysis.run import RunFacts
from paramedic.check.recording import judged
from paramedic.model.event import BINARY, BY_PEER, Event, Kind, State
from paramedic.model.finding import Confidence, Finding
from paramedic.model.operations import NUMBER, OPERATIONS
from paramedic.model.report import Gap

_KINDS = {
    "client": "SSHClient", "conn": "Transport", "ch": "Channel", "sftp": "SFTPClient", "file": "SFTPFile", "L": "Lock",
    "RL": "RLock", "RLlog": "RLock",
    "q": "Queue", "sq": "SimpleQueue", "ev": "Event", "sem": "Semaphore", "semb": "Semaphore", "bar": "Barrier",
    "cond": "Condition", "f": "Future", "ex": "Executor", "loop": "Loop", "keys": "HostKeys", "agent": "AgentKey",
    "proxy": "ProxyCommand", "thread": "Thread",
}  # fmt: skip
_NATIVE = 1000
_STREAMS = {"stdout": 0, "stderr": 1, "stdin": 2}
_LOCK_ROWS = {
    "take": (Kind.GOT, 0), "got": (Kind.GOT, 0), "try": (Kind.GOT, 2), "wait": (Kind.WAIT, -1),
    "gave-up": (Kind.GAVE_UP, 0), "free": (Kind.FREE, 0),
}  # fmt: skip
_WAITS = {k: _KINDS[k] for k in ("q", "sq", "ev", "sem", "semb", "bar", "cond")}
_HAND_OVERS = frozenset((*_WAITS.values(), "Loop"))
_ROWS = frozenset(
    "feed status gets-eof gets-close sends-eof sends-close opens finalize finalized collect makes drops state".split()
)
_CALL = re.compile(
    r"(?P<end>… )?(?P<method>[\w]+)(?: (?P<thing>[\w.@]+))?(?: \((?P<a>-?\d+)\))?(?: \"(?P<words>[^\"]*)\")?"
    r"(?P<begin> …)?(?: = (?P<result>-?\d+))?(?: ! (?P<error>.+))?$"
)
MILLISECOND_NS = 1_000_000
OPERATIONS_USED = {
    "sftp": ("stat", "listdir", "open", "chdir"),
    "ch": ("recv", "send", "sendall", "recv_stderr", "close", "shutdown_write", "get_pty"),
    "client": ("connect", "exec_command", "close"),
}
"""Calls for programs that are made up at random."""


class Story:
    """Turns lines into events.

    Attributes:
        events: what happened.
        texts: of the recording.
        status: with which the process ended.
        ended_ns: when.
        forked: whether it came to be by fork.
        notes: stacks in which a lock is taken only to note or print something.
    """

    def __init__(self, story: str) -> None:
        self.events: list[Event] = []
        self.texts: dict[int, str] = {}
        self.status = 0
        self.forked = False
        self.notes: set[int] = set()
        self._now_ns = 1_000_000_000
        self._threads: dict[str, int] = {"Main": 1}
        self._begun: set[int] = set()
        self._things: dict[str, int] = {}
        self._tokens: dict[str, int] = {}
        self._sites: dict[str, int] = {}
        self._numbers = 0
        self._remotes: dict[int, int] = {}
        self._opened = set(re.findall(r"\bopens (\S+)", story))
        self._made = set(re.findall(r"\bmakes (\S+)", story))
        lines = [line.strip() for line in story.strip().splitlines() if line.strip()]
        self._add(1, Kind.BEGIN, b=self._text("MainThread"))
        self._begun.add(1)
        for line in lines:
            if not line.startswith(("…", "end:")) and " makes " not in line:
                for name in re.findall(r"[\w.]+(?:@\w+)?", line.partition(":")[2].partition(" ! ")[0]):
                    self._introduce(name)
        started = {line.split()[2] for line in lines if line.partition(":")[2].startswith(" start ")}
        for who in dict.fromkeys(line.partition(":")[0] for line in lines if not line.startswith(("…", "end:"))):
            if who not in started and self._thread(who) not in self._begun:
                self._add(1, Kind.START, a=self._thread(who))
        for line in lines:
            self._line(line)
        self.ended_ns = self._now_ns

    def _line(self, line: str) -> None:
        self._now_ns += MILLISECOND_NS
        if line.startswith("…"):
            amount, unit = line[1:].split()
            self._now_ns += int(float(amount) * {"s": 1e9, "ms": 1e6}[unit])
            return
        who, _, what = (part.strip() for part in line.partition(":"))
        if who == "end":
            if what in ("orderly", "broken-off"):
                self._add(1, Kind.STATE, op=State.EXIT, a=what == "broken-off")
            else:
                self.status = int(what)
            return
        thread = self._thread(who)
        if thread not in self._begun and what != "begins":
            self._begins(who)
        site = self._site(what)
        self._what(thread, what.partition("#")[0].strip(), site)

    def _what(self, thread: int, what: str, site: int) -> None:
        verb, *rest = what.split()
        first = rest[0] if rest else ""
        if verb in ("start", "join") and self._is_thread(first):
            other = self._thread(first)
            if verb == "join" and rest[-1] == "…":
                self._add(thread, Kind.CALL, op=NUMBER["Thread.join"], a=-1, b=other)
            elif verb == "join":
                self._add(thread, Kind.JOINED, a=other)
            else:
                kind = self._text("Timer") if "timer" in rest else 0
                self._add(thread, Kind.START, op=int("daemon" in rest), a=other, b=kind, site=site)
                self._begins(first)
        elif verb == "handles":
            self._add(thread, Kind.STATE, op=State.SIGNAL, a=2, b=self._text(f"app.py\t{first}"))
        elif verb == "was":
            self._add(thread, Kind.BEGIN, a=_NATIVE + self._thread(first))
        elif verb == "ends":
            self._add(thread, Kind.END)
        elif verb == "dies":
            self._add(thread, Kind.END, op=1, b=self._text(what[5:].strip('"')))
            self._add(thread, Kind.END)
        elif verb in _LOCK_ROWS and _kind(first) in ("Lock", "RLock"):
            kind, a = _LOCK_ROWS[verb]
            if verb == "wait" and len(rest) > 1:
                a = int(rest[1])
            if "notes" in rest:
                self.notes.add(site)
            self._add(thread, kind, obj=self._thing(first), site=site if kind is not Kind.FREE else 0, a=a)
        elif (
            verb in ("put", "set", "release", "call_soon", "task_done")
            and _kind(first) in _HAND_OVERS
            and "…" not in rest
        ):
            token = self._token(rest[1]) if len(rest) > 1 else -1 if verb in ("call_soon", "task_done") else 0
            ours = self._things.get(rest[1], 0) if verb == "put" and len(rest) > 1 else 0
            self._add(thread, Kind.POST, obj=self._thing(first), a=token, b=ours)
        elif verb in ("get", "await", "acquire", "take", "wait") and _base(first) in _WAITS:
            self._waits(thread, verb, rest, site)
        elif verb == "makes-event":
            self._add(thread, Kind.NEW, op=NUMBER["Event.__init__"], obj=self._thing(first), site=site)
        elif verb == "makes-condition":
            given = self._thing(rest[1]) if rest[2:] == ["given"] else 0
            self._add(thread, Kind.NEW, op=NUMBER["Condition.__init__"], obj=self._thing(first), site=site, b=given)
            if not given:
                self._add(thread, Kind.NEW, op=NUMBER["RLock.__init__"], obj=self._thing(rest[1]), site=site)
        elif verb == "runs-soon":
            self._add(thread, Kind.TAKE, obj=self._thing(first), a=-1)
        elif verb == "works":
            self._add(thread, Kind.STATE, op=State.WORKER, obj=self._thing(first), a=int(rest[1]), b=thread)
        elif verb == "crew":
            self._add(thread, Kind.STATE, op=State.WORKER, obj=self._thing(first), b=thread)
        elif verb in ("submit", "run", "done", "fail", "ask", "look", "passes-on", "unretrieved", "fails"):
            self._future(thread, verb, first, what, site)
        elif not self._channel_row(thread, verb, rest, site):
            self._call(thread, what, site)

    def _waits(self, thread: int, verb: str, rest: list[str], site: int) -> None:
        kind = _WAITS[_base(rest[0])]
        method = {"Queue": "get", "SimpleQueue": "get", "Semaphore": "acquire"}.get(kind, "wait")
        op, thing = NUMBER[f"{kind}.{method}"], self._thing(rest[0])
        limit = next((int(word[1:-1]) for word in rest if word.startswith("(")), -1)
        if rest[-1] == "…":
            self._add(thread, Kind.CALL, op=op, obj=thing, site=site, a=limit)
            return
        token = self._token(rest[1]) if len(rest) > 1 else 0
        self._add(thread, Kind.CALL, op=op, obj=thing, site=site, a=limit)
        self._add(thread, Kind.TAKE, obj=thing, a=token)
        self._add(thread, Kind.RETURN, op=op, obj=thing)

    def _future(self, thread: int, verb: str, name: str, what: str, site: int) -> None:
        future = self._thing(name)
        if verb == "submit":
            pool = next((self._thing(word) for word in what.split() if _base(word) in ("ex", "sq")), 0)
            self._add(thread, Kind.POST, obj=future, a=1, b=pool, site=self._site(what.replace(f" {name}", "")))
        elif verb == "run":
            self._add(thread, Kind.TAKE, obj=future, a=1)
        elif verb == "done":
            self._add(thread, Kind.POST, obj=future, a=2)
        elif verb == "fail":
            self._add(thread, Kind.POST, obj=future, a=2)
            self._add(thread, Kind.STATE, op=State.FAILED, obj=future, b=self._text(what.split('"')[1]))
        elif verb == "fails":
            self._add(thread, Kind.STATE, op=State.FAILED, obj=future, b=self._text(what.split('"')[1]))
        elif verb == "look":
            self._add(thread, Kind.TAKE, obj=future, a=2)
        elif verb == "passes-on":
            self._add(thread, Kind.TAKE, op=NUMBER["Loop.run_forever"], obj=future, a=2)
        elif verb == "unretrieved":
            self._add(thread, Kind.STATE, op=State.UNRETRIEVED, obj=future)
        elif what.endswith("…"):
            self._add(thread, Kind.CALL, op=NUMBER["Future.result"], obj=future, site=site, a=-1)
        else:
            self._add(thread, Kind.TAKE, op=NUMBER["Future.result"], obj=future, a=2)

    def _channel_row(self, thread: int, verb: str, rest: list[str], site: int) -> bool:
        if verb == "fork":
            self.forked = True
            return True
        thing = self._thing(rest[0]) if rest and verb in _ROWS and verb != "makes" else 0
        if verb == "feed":
            window = int(rest[3]) if len(rest) > 3 else 2 << 20
            self._add(thread, Kind.FEED, op=_STREAMS[f"std{rest[1]}"], obj=thing, a=int(rest[2]), b=window)
        elif verb == "status":
            self._add(thread, Kind.STATE, op=State.EXIT_STATUS, obj=thing, a=int(rest[1]))
        elif verb in ("gets-eof", "gets-close", "sends-eof", "sends-close"):
            transport = self._thing(_owner(rest[0]))
            received = verb.startswith("gets")
            number = thing if received else self._remotes[thing]
            self._add(thread, Kind.WIRE, op=96 if "eof" in verb else 97, obj=transport, a=number, b=int(received))
        elif verb == "opens":
            if rest[1:2] == ["as"]:
                self._remotes[thing] = self._remotes[self._thing(rest[2])]
            self._link(thread, rest[0], BY_PEER if rest[1:] == ["peer"] else 0)
        elif verb == "finalize":
            begun = _kind(rest[0]) == "Channel" or rest[0].endswith("stdin")
            self._add(thread, Kind.FINAL, obj=thing)
            if begun and rest[-1] != "…":
                self._add(thread, Kind.FINAL, obj=thing, a=1)
        elif verb == "collect":
            self._add(thread, Kind.FINAL, obj=thing, b=2)
            if rest[-1] != "…":
                self._add(thread, Kind.FINAL, obj=thing, a=1)
        elif verb == "makes":
            self._makes(thread, rest[0], "inside" in rest)
        elif verb == "drops":
            self._add(thread, Kind.FINAL, obj=thing - 1, a=1)
        elif verb == "finalized":
            self._add(thread, Kind.FINAL, obj=thing, a=1)
        elif verb == "state":
            words = " ".join(rest[3:])
            b = int(words) if words.isdecimal() else self._text(words) if words else 0
            self._add(thread, Kind.STATE, op=getattr(State, rest[1]), obj=thing, a=int(rest[2]), b=b)
        else:
            return False
        return True

    def _call(self, thread: int, what: str, site: int) -> None:
        match = _CALL.match(what)
        if match is None:
            raise ValueError(f"what is {what!r}?")
        name = match["thing"] or ""
        operation = _operation(name, match["method"])
        op, thing = NUMBER[operation], self._thing(name) if name else 0
        if not match["end"]:
            a = int(match["a"] or -1)
            self._add(thread, Kind.CALL, op=op, obj=thing, site=site, a=a, b=self._text(match["words"] or ""))
        if match["begin"]:
            return
        if match["error"]:
            self._add(thread, Kind.RAISE, op=op, obj=thing, b=self._text(match["error"]))
        else:
            self._add(thread, Kind.RETURN, op=op, obj=thing, a=int(match["result"] or 0))

    # names

    def _introduce(self, name: str) -> None:
        if _base(name) not in _KINDS or name in self._things or name.partition("@")[0] in OPERATIONS:
            return
        if name in self._made:
            return
        if _kind(name) in ("SSHClient", "Transport", "Channel", "SFTPClient", "SFTPFile", "ChannelFile"):
            connection = name if _kind(name) == "Transport" else _owner(name)
            if connection in self._made:
                return
            if _kind(name) != "SSHClient":
                self._connect(connection)
            else:
                self._connect("conn" + name.removeprefix("client"))
        self._thing(name)

    def _makes(self, thread: int, connection: str, inside: bool) -> None:
        """A thread makes a connection of its own in the middle of the story; its reader is a thread of its own."""
        self._numbers += 2
        client, transport = self._numbers - 1, self._numbers
        self._things[connection] = transport
        connect, made = NUMBER["SSHClient.connect"], self._site("makes a connection")
        if not inside:
            self._add(thread, Kind.NEW, op=NUMBER["SSHClient.__init__"], obj=client, site=made)
            self._add(thread, Kind.CALL, op=connect, obj=client, site=made, a=-1, b=self._text("web9"))
        self._add(thread, Kind.NEW, op=NUMBER["Transport.__init__"], obj=transport, site=made)
        reader = self._thread(f"T of {connection}")
        self._add(thread, Kind.START, a=reader)
        self._begins(f"T of {connection}")
        self._add(reader, Kind.CALL, op=NUMBER["Transport.run"], obj=transport)
        if not inside:
            self._add(thread, Kind.RETURN, op=connect, obj=client)

    def _connect(self, connection: str) -> None:
        if connection in self._things:
            return
        suffix = connection.removeprefix("conn")
        client = self._new(f"client{suffix}", "SSHClient", 0)
        connect = NUMBER["SSHClient.connect"]
        made = self._site(f"connect {client}")
        self._add(1, Kind.CALL, op=connect, obj=client, site=made, a=-1, b=self._text(f"web{suffix or 1}"))
        transport = self._new(connection, "Transport", 0)
        reader = self._thread(f"T{suffix}")
        self._add(1, Kind.START, a=reader)
        self._begins(f"T{suffix}")
        self._add(reader, Kind.CALL, op=NUMBER["Transport.run"], obj=transport)
        self._add(1, Kind.RETURN, op=connect, obj=client)

    def _thing(self, name: str) -> int:
        known = self._things.get(name)
        if known is not None:
            return known
        kind, parent = _kind(name), 0
        if kind == "ChannelFile":
            channel, _, stream = name.partition(".")
            return self._new(name, kind, self._thing(channel), _STREAMS[stream])
        if kind == "Channel":
            made = self._new(name, kind, 0)
            if name not in self._opened:
                self._link(1, name)
            return made
        if kind == "SFTPClient":
            parent = self._thing(f"ch_of_{name}")
        elif kind == "SFTPFile":
            number, _, connection = name.removeprefix("file").partition("@")
            parent = self._thing(f"sftp{number[:1]}{'@' + connection if connection else ''}")
        number = LOGGINGS if name.startswith("RLlog") else BINARY if name.startswith("semb") else 0
        return self._new(name, kind, parent, number)

    def _link(self, thread: int, name: str, op: int = 0) -> None:
        channel = self._things[name]
        self._add(thread, Kind.LINK, op=op, obj=channel, a=self._thing(_owner(name)), b=channel)
        self._add(thread, Kind.STATE, op=State.WINDOW, obj=channel, a=2 << 20)
        number = self._remotes.setdefault(channel, channel + 1000)
        self._add(thread, Kind.STATE, op=State.REMOTE_CHANNEL, obj=channel, a=number, b=2 << 20)

    def _new(self, name: str, kind: str, parent: int, number: int = 0) -> int:
        self._numbers += 1
        ident = self._things[name] = self._numbers
        made = NUMBER.get(f"{kind}.__init__")  # nobody says when an agent's key comes to be
        if made is not None:
            self._add(1, Kind.NEW, op=made, obj=ident, site=self._site(f"make {name}"), a=parent, b=number)
        return ident

    def _is_thread(self, name: str) -> bool:
        return bool(name) and _base(name) not in _KINDS

    def _thread(self, name: str) -> int:
        return self._threads.setdefault(name, len(self._threads) + 1)

    def _begins(self, name: str) -> None:
        thread = self._thread(name)
        if thread not in self._begun:
            self._begun.add(thread)
            self._add(thread, Kind.BEGIN, a=_NATIVE + thread, b=self._text(name))

    def _token(self, word: str) -> int:
        return self._tokens.setdefault(word, 1_000_000 + len(self._tokens))

    def _text(self, words: str) -> int:
        if not words:
            return 0
        ident = len(self.texts) + 1
        self.texts[ident] = words
        return ident

    def _site(self, what: str) -> int:
        what = what[what.find("#@") :] if "#@" in what else what
        if what not in self._sites:
            function = what.partition("#")[2].strip()
            function, *outer = function.split("<")
            function = "work" if not function or function.isdigit() else function
            frames = [self._text(f"F\tapp.py\t{len(self._sites) + 1}\t{function}")]
            frames += [self._text(f"F\tapp.py\t1\t{name}") for name in outer]
            self._sites[what] = self._text(f"S {' '.join(map(str, frames))}")
        return self._sites[what]

    def _add(
        self, thread: int, kind: int, *, op: int = 0, obj: int = 0, site: int = 0, a: int = 0, b: int = 0
    ) -> None:  # fmt: skip
        self._now_ns += 1000
        self.events.append(Event(self._now_ns, a, obj, site, b, int(op), thread, int(kind)))


def _base(name: str) -> str:
    if "." in name:
        return "ch"
    return re.sub(r"(?:\d|_of|@).*$", "", name)


def _kind(name: str) -> str:
    return "ChannelFile" if "." in name else _KINDS.get(_base(name), "object")


def _owner(name: str) -> str:
    if _kind(name) == "SSHClient":
        return "conn" + name.removeprefix("client")
    if "@" in name:
        return name.partition("@")[2].partition(".")[0]
    return "conn"


def _operation(name: str, method: str) -> str:
    kind = _kind(name)
    if kind == "ChannelFile":
        return "ChannelStdinFile.close" if name.endswith("stdin") and method == "close" else f"File.{method}"
    if kind == "SFTPFile" and f"SFTPFile.{method}" not in NUMBER:
        return f"File.{method}"
    return f"{kind}.{method}" if name else f"Thread.{method}"


def facts_of_story(story: str, locks_order: bool = True) -> RunFacts:
    """What the machines make of a story, perhaps with who came through a lock first taken for luck."""
    told = Story(story)
    facts = RunFacts(told.texts, list(OPERATIONS), 1)
    facts.status, facts.forked = told.status, told.forked
    facts.polls.only_notes = told.notes.__contains__
    if not locks_order:
        facts.clocks.take_locks_for_accidents()
    facts.feed_all(told.events, told.ended_ns)
    return facts


def findings_of_events(events: Iterable[Event], texts: dict[int, str], status: int = 0) -> list[Finding]:
    """What all runtime lenses say; a lens that fails is an error here."""
    facts = RunFacts(texts, list(OPERATIONS), 1)
    facts.status = status
    facts.feed_all(events)
    gaps: list[Gap] = []
    findings = judged(facts, gaps)
    assert not [gap for gap in gaps if gap.reason == "lens-failed"], gaps
    return findings


def findings_of(story: str, locks_order: bool = True) -> list[Finding]:
    """What all runtime lenses say of a story; a lens that fails is an error here."""
    gaps: list[Gap] = []
    findings = judged(facts_of_story(story, locks_order), gaps)
    assert not [gap for gap in gaps if gap.reason == "lens-failed"], gaps
    return findings


def said(findings: Iterable[Finding]) -> Iterator[str]:
    """ "shared-sftp-client observed", the strongest of each hazard above advice."""
    strongest: dict[str, Confidence] = {}
    for finding in findings:
        known = strongest.get(finding.hazard, Confidence.ADVICE)
        strongest[finding.hazard] = min(known, finding.confidence, key=lambda c: c.rank)
    return (f"{hazard} {confidence}" for hazard, confidence in strongest.items() if confidence is not Confidence.ADVICE)


def locked(story: str) -> str:
    """The story with a lock around each call that sends, and another one around each that receives."""
    lines = []
    for line in story.strip().splitlines():
        who, _, what = line.strip().partition(": ")
        lock = {"send": "L1", "recv": "L2"}.get(what.partition(" ")[0])
        lines.append(f"{who}: take {lock}\n{who}: {what}\n{who}: free {lock}" if lock else line)
    return "\n".join(lines)
