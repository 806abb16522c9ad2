"""Frames with their place: Paramiko's code, the standard library's, a library's or the user's."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from paramedic.dump.assembly import bare
from paramedic.model.finding import Site
from paramedic.model.snapshot import Frame


class Layer(StrEnum):
    """Whose code a frame runs."""

    PARAMIKO = "paramiko"
    STDLIB = "stdlib"
    LIBRARY = "library"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One frame of a stack, with what it means.

    Attributes:
        layer: whose code it is.
        module: the module inside Paramiko ("channel") or the standard library ("threading"),
            the package of a library ("fabric"); "" for the user's code.
        function: bare name.
        site: file, line and bare name.
        frame: as the dump has it.

    Threads: immutable; any thread.
    """

    layer: Layer
    module: str
    function: str
    site: Site
    frame: Frame

    def at(self, module: str, *functions: str, layer: Layer = Layer.PARAMIKO) -> bool:
        """Whether it is one of these functions of that module."""
        return self.layer is layer and self.module == module and (not functions or self.function in functions)

    def variable(self, name: str) -> str | None:
        """The printed value of a local variable, or None where the dump does not have it."""
        return next((value for n, value in self.frame.variables if n == name), None)

    def address(self, name: str = "self") -> str | None:
        """The address of the object that a local variable names, or None."""
        return address_in(self.variable(name) or "")

    @property
    def owner_class(self) -> str:
        """The class of the method, where the dump says so: "Channel" of "Channel.recv"."""
        parts = self.frame.site.function.split(".")
        if len(parts) > 1 and parts[-2] != "<locals>":
            return parts[-2]
        match = _OBJECT.search(self.variable("self") or "")
        return match["cls"] if match else ""


_OBJECT = re.compile(r"<(?P<cls>[\w.]+)(?: object)?\b[^>]*? at (?P<address>0x[0-9a-fA-F]+)")


def address_in(printed: str) -> str | None:
    """The address in what a dump prints for an object (``<Channel at 0x7f…>``), or None.

    The cell of a variable that an inner function uses too is not the object, and each call has its own.

    Threads: pure.
    """
    match = _OBJECT.search(printed)
    return match["address"].lower() if match and match["cls"] != "cell" else None


_PARAMIKO_MODULES = frozenset(
    "__init__ _version _winapi agent auth_handler auth_strategy ber buffered_pipe channel client common compress "
    "config dsskey ecdsakey ed25519key file hostkeys kex_curve25519 kex_ecdh_nist kex_gex kex_group1 kex_group14 "
    "kex_group16 kex_gss kex_mlkem message packet pipe pkey primes proxy py3compat rsakey server sftp sftp_attr "
    "sftp_client sftp_file sftp_handle sftp_server sftp_si ssh_exception ssh_gss transport util win_openssh "
    "win_pageant".split()
)
"""Of 2.12 to 5.1: a folder of the user's may be called paramiko as well."""
_PARAMIKO = re.compile(r"(?:^|[/\\])paramiko[/\\](?P<module>\w+)\.py[co]?$")
_RECORDER = re.compile(r"(?:^|[/\\])paramedic[/\\]record[/\\]\w+\.py$")
"""Ours, in a program under ``paramedic run``: what its frames do the program asked for in the frame outside them."""
CURE = "paramedic"
"""The package of `paramedic.safe`, whose connections have a transport, a packetizer and a socket of their own."""
_OURS = re.compile(r"(?:^|[/\\])paramedic[/\\]safe[/\\]\w+\.py$")
_SITE_PACKAGES = re.compile(r"[/\\]?(?:site|dist)-packages[/\\](?P<package>[^/\\.]+)")
_STDLIB = re.compile(
    r"(?:^|[/\\])(?:lib|Lib|lib64)[/\\](?:python\d\.\d+t?[/\\])?(?P<rest>(?!site-packages|dist-packages).+)\.py$"
)
_PYTHON_DIR = re.compile(r"[/\\](?:lib|lib64)[/\\]python\d\.\d+t?[/\\]|[/\\]Python\d+[/\\]Lib[/\\]", re.IGNORECASE)
_FROZEN = re.compile(r"<frozen (?P<module>[\w.]+)>")

_LIBRARIES = frozenset(
    "fabric invoke netmiko scp nornir napalm sshtunnel ansible asyncssh gevent eventlet pytest "
    "_pytest pluggy cryptography rich celery kombu billiard django flask gunicorn uvicorn tornado "
    "trio anyio uvloop twisted apscheduler airflow pysftp parallel_ssh pssh jumpssh storages click "
    "typer nacl bcrypt werkzeug starlette fastapi dask distributed joblib tenacity sshfs "
    "greenlet debugpy xdist execnet IPython ipykernel traitlets nest_asyncio".split()
)


_MODULES = sys.stdlib_module_names - {"test", "this", "antigravity", "__main__"}


@lru_cache(maxsize=8192)
def place_of(file: str) -> tuple[Layer, str]:
    """Whose code a file is, and the module or package (see `Call`).

    Threads: any thread (the cache is `functools.lru_cache`'s).
    """
    match = _PARAMIKO.search(file)
    if match and match["module"] in _PARAMIKO_MODULES:
        return Layer.PARAMIKO, match["module"]
    match = _FROZEN.match(file)
    if match:
        return Layer.STDLIB, match["module"]
    if _OURS.search(file):
        return Layer.LIBRARY, CURE
    match = _SITE_PACKAGES.search(file)
    if match:
        return Layer.LIBRARY, match["package"]
    if _PYTHON_DIR.search(file):
        match = _STDLIB.search(file)
        rest = match["rest"] if match else file.rpartition("/")[2].removesuffix(".py")
        return Layer.STDLIB, rest.replace("\\", "/").replace("/", ".").removesuffix(".__init__")
    package = re.split(r"[/\\]", file, maxsplit=1)[0]
    if package.removesuffix(".py") in _MODULES:
        return Layer.STDLIB, file.removesuffix(".py").replace("\\", "/").replace("/", ".").removesuffix(".__init__")
    if package in _LIBRARIES and file != package:
        return Layer.LIBRARY, package
    return Layer.USER, ""


def script_of(frames: tuple[Frame, ...]) -> str:
    """The file that the thread was started with, as the dump names it; "" for a thread that runs no module.

    Threads: pure.
    """
    return frames[-1].site.file if frames and frames[-1].site.function == "<module>" else ""


def calls_of(
    frames: tuple[Frame, ...], libraries: frozenset[str] = frozenset(), *, script: str = ""
) -> tuple[Call, ...]:
    """The frames of a stack as calls, innermost first.

    Args:
        frames: innermost first.
        libraries: files that are known to be a library's although their names do not say so.
        script: the file that the program was started with, where another thread's stack says so.

    Threads: pure.
    """
    found = []
    script = next((f.site.file for f in reversed(frames) if f.site.function == "<module>"), script)
    for frame in frames:
        if "record" in frame.site.file and _RECORDER.search(frame.site.file):
            continue
        layer, module = place_of(frame.site.file)
        if layer is Layer.STDLIB and frame.site.file == script and "/" not in script:
            layer, module = Layer.USER, ""  # a script that is called like a module of the standard library
        if layer is Layer.USER and frame.site.file in libraries:
            layer, module = Layer.LIBRARY, frame.site.file.partition("/")[0]
        function = bare(frame.site.function)
        site = Site(file=frame.site.file, line=frame.site.line, function=function)
        found.append(Call(layer=layer, module=module, function=function, site=site, frame=frame))
    return tuple(found)
