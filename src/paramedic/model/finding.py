"""What we conclude: one hazard, seen once, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Confidence(StrEnum):
    """How sure a finding is; the order of the members is the order of their weight."""

    OBSERVED = "observed"
    """The harm happened in this run, or the conflicting calls really overlapped."""
    POSSIBLE = "possible"
    """This run proves that another order of the same threads does the harm."""
    ADVICE = "advice"
    """Nothing went wrong, but the checklist says so."""

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return list(Confidence).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place in source code.

    Attributes:
        file: path as the interpreter had it.
        line: 1-based; 0 where it is not known.
        function: bare or qualified name of the enclosing function.
    """

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that one thread did, in the order of the story.

    Attributes:
        thread: the thread's human name ("worker-3", "MainThread", "transport of client #1 to web1").
        what: a clause without the thread as its subject: "called stat() on SFTP client #1".
        site: innermost frame of the user's code; None where only Paramiko's code is on the stack.
        stack: the user's frames, innermost first, for the reader who wants more than the site.
        locks: human names of the locks that the thread held there.
        at_s: seconds since the recording began; None where there is no clock (dumps, source).
    """

    thread: str
    what: str
    site: Site | None = None
    stack: tuple[Site, ...] = ()
    locks: tuple[str, ...] = ()
    at_s: float | None = None

    def of_process(self, process: int, role: str = "") -> Step:
        """The same where a finding speaks of several processes.

        Threads: pure.
        """
        return replace(self, thread=thread_of_process(self.thread, process, role))


def thread_of_process(thread: str, process: int, role: str = "") -> str:
    """What a thread is called where a finding speaks of several processes.

    Threads: pure.
    """
    return f"{thread} of process {process}{f' ({role})' if role else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A replacement of whole lines that cures a finding.

    Attributes:
        file: the file to change.
        first_line: 1-based, inclusive.
        last_line: 1-based, inclusive; ``first_line - 1`` inserts before ``first_line``.
        text: what stands there afterwards, with its line ends.
        safe: whether the behaviour of a correct program cannot change.
    """

    file: str
    first_line: int
    last_line: int
    text: str
    safe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One hazard, seen once. Every output renders it and no output changes it.

    Attributes:
        hazard: the kebab-case name, the identity of the hazard.
        code: its ``PMC…`` alias.
        confidence: see `Confidence`.
        message: the headline: one sentence with the names of the threads and objects.
        steps: the story, in order; the first step with a site is where the finding is pinned.
        objects: human names of the objects concerned.
        why: Paramiko's side, for this finding; empty means "as the hazard's page says".
        symptom: what it looks like when it strikes; empty means "as the hazard's page says".
        fix: the smallest change; empty means "as the hazard's page says".
        edits: the fix as edits, where one can be made by machine.
        upstream: links to reports.
        count: how often this same story was seen.
        process: id of the process, where several were observed.
    """

    hazard: str
    code: str
    confidence: Confidence
    message: str
    steps: tuple[Step, ...] = ()
    objects: tuple[str, ...] = ()
    why: str = ""
    symptom: str = ""
    fix: str = ""
    edits: tuple[Edit, ...] = ()
    upstream: tuple[str, ...] = ()
    count: int = 1
    process: int | None = None

    @property
    def site(self) -> Site | None:
        """Where the finding is pinned: the first step's site that is known."""
        return next((s.site for s in self.steps if s.site is not None), None)

    @property
    def sites(self) -> tuple[Site, ...]:
        """The distinct sites of all steps, in order; a suppression at any of them counts."""
        return tuple(dict.fromkeys(s.site for s in self.steps if s.site is not None))

    @property
    def places(self) -> frozenset[tuple[str, int]]:
        """File and line of each step: by them two findings are known to tell one story, whatever the names in it."""
        return frozenset((s.file, s.line) for s in self.sites)
