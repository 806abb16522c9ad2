"""What the classes of Paramiko do, as tables: constructors, methods, effects and what they hand out.

Checked against Paramiko 5.1.0 (``client.py``, ``transport.py``, ``channel.py``, ``sftp_client.py``, ``sftp_file.py``,
``file.py``, ``hostkeys.py``, ``agent.py``, ``proxy.py``); names that only older versions have are here too.

Effects: ``connect``, ``auth``, ``open`` (a channel), ``request`` (on a channel), ``global`` (request), ``read:stdout``,
``read:stderr``, ``write``, ``eof``, ``status``, ``poll-status``, ``poll``, ``close``, ``sftp``, ``cwd``, ``file``,
``prefetch``, ``hostkeys``, ``save-keys``, ``fileno``, ``waits`` (for the peer, without a limit unless one is set),
``serves`` (as a server does),
``whole`` (reads to the end), ``dialogue`` (send and receive as one step), ``lazy-connect`` (connects if it is not yet).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What one method does.

    Attributes:
        effects: see the module's docstring.
        returns: kind of what it returns; ``streams`` for exec_command's three, ``part:<kind>`` for what is
            the same object each time; "" for nothing known.
    """

    effects: frozenset[str] = frozenset()
    returns: str = ""


def method(effects: str = "", returns: str = "") -> Method:
    """Short form for the tables: effects separated by spaces.

    Threads: pure.
    """
    return Method(effects=frozenset(effects.split()), returns=returns)


def methods(names: str, effects: str = "", returns: str = "") -> dict[str, Method]:
    """The same for several names.

    Threads: pure.
    """
    return {name: method(effects, returns) for name in names.split()}


CONSTRUCTORS = {
    "paramiko.SSHClient": "client",
    "paramiko.client.SSHClient": "client",
    "paramiko.Transport": "transport",
    "paramiko.transport.Transport": "transport",
    "paramiko.ServiceRequestingTransport": "transport",
    "paramiko.Channel": "channel",
    "paramiko.channel.Channel": "channel",
    "paramiko.SFTPClient": "sftp",
    "paramiko.SFTP": "sftp",
    "paramiko.sftp_client.SFTPClient": "sftp",
    "paramiko.sftp_client.SFTP": "sftp",
    "paramiko.SFTPFile": "sftpfile",
    "paramiko.sftp_file.SFTPFile": "sftpfile",
    "paramiko.ChannelFile": "stdout",
    "paramiko.channel.ChannelFile": "stdout",
    "paramiko.channel.ChannelStderrFile": "stderr",
    "paramiko.channel.ChannelStdinFile": "stdin",
    "paramiko.Agent": "agent",
    "paramiko.agent.Agent": "agent",
    "paramiko.ProxyCommand": "proxy",
    "paramiko.proxy.ProxyCommand": "proxy",
    "paramiko.HostKeys": "hostkeys",
    "paramiko.hostkeys.HostKeys": "hostkeys",
    "paramiko.AutoAddPolicy": "autoadd",
    "paramiko.client.AutoAddPolicy": "autoadd",
    "paramiko.WarningPolicy": "warnpolicy",
    "paramiko.client.WarningPolicy": "warnpolicy",
    "paramiko.RejectPolicy": "rejectpolicy",
    "paramiko.client.RejectPolicy": "rejectpolicy",
}

MAKERS = {
    "paramiko.SFTPClient.from_transport": "sftp",
    "paramiko.sftp_client.SFTPClient.from_transport": "sftp",
    "paramiko.SFTP.from_transport": "sftp",
    "paramiko.util.log_to_file": "logfile",
}
"""Functions that make an object on their first argument."""

ONE_REQUEST = frozenset(
    """stat lstat listdir listdir_attr mkdir rmdir remove unlink rename posix_rename chmod chown utime truncate readlink
    symlink normalize chdir open file""".split()
)
"""Methods of SFTPClient that send requests one by one through ``_request`` (sftp_client.py); reads ahead do not."""

_FILE = {
    **methods("read readlines", "read:stdout waits whole file"),
    **methods("readline readinto __next__ next", "read:stdout waits file"),
    **methods("__iter__", "read:stdout waits whole stream file"),
    **methods("close", "close-file"),
    **methods("flush seek tell closed", ""),
}

METHODS: dict[str, dict[str, Method]] = {
    "client": {
        "connect": method("connect auth waits"),
        "close": method("close"),
        "exec_command": method("open request waits", "streams"),
        "invoke_shell": method("open request waits", "channel"),
        "open_sftp": method("open request waits", "sftp"),
        "get_transport": method("", "part:transport"),
        **methods("load_system_host_keys load_host_keys get_host_keys", "hostkeys"),
        "save_host_keys": method("hostkeys save-keys"),
        **methods("set_missing_host_key_policy set_log_channel", ""),
    },
    "transport": {
        **methods("connect auth_password auth_publickey auth_interactive auth_interactive_dumb", "auth waits"),
        **methods("auth_none auth_gssapi_with_mic auth_gssapi_keyex start_client start_server", "auth waits"),
        **methods("open_session open_channel open_x11_channel", "open waits", "channel"),
        **methods("open_forwarded_tcpip_channel open_forward_agent_channel", "open waits", "channel"),
        "open_sftp_client": method("open request waits", "sftp"),
        **methods("request_port_forward global_request", "global waits"),
        **methods("cancel_port_forward renegotiate_keys", "global waits"),
        "accept": method("accept waits", "channel"),
        **methods("close stop_thread", "close"),
        "set_keepalive": method("keepalive"),
        "atfork": method(""),
        **methods("is_active is_alive is_authenticated get_username getpeername get_remote_server_key", ""),
        **methods("set_subsystem_handler add_server_key get_exception set_gss_host send_ignore", ""),
    },
    "channel": {
        **methods("recv recv_into", "read:stdout waits"),
        "recv_stderr": method("read:stderr waits"),
        **methods("send sendall", "write"),
        **methods("send_stderr sendall_stderr", "write:stderr"),
        "recv_exit_status": method("status waits"),
        "exit_status_ready": method("poll-status"),
        "send_exit_status": method("serves"),
        **methods("recv_ready recv_stderr_ready send_ready", "poll"),
        **methods("exec_command invoke_shell invoke_subsystem get_pty request_x11", "request waits"),
        **methods("request_forward_agent set_environment_variable update_environment", "request waits"),
        "resize_pty": method("request"),
        "close": method("close"),
        "shutdown": method("eof"),
        "shutdown_write": method("eof"),
        "shutdown_read": method(""),
        "makefile": method("", "stdout"),
        "makefile_stderr": method("", "stderr"),
        "makefile_stdin": method("", "stdin"),
        "fileno": method("fileno"),
        "get_transport": method("", "part:transport"),
        **methods("settimeout setblocking gettimeout set_combine_stderr get_id get_name set_name getpeername", ""),
    },
    "stdout": {**_FILE, "write": method("write"), "writelines": method("write")},
    "stderr": {
        **_FILE,
        **methods("read readlines", "read:stderr waits whole file"),
        **methods("readline readinto __next__ next", "read:stderr waits file"),
        "__iter__": method("read:stderr waits whole stream file"),
    },
    "stdin": {
        **methods("write writelines", "write file"),
        "flush": method(""),
        "close": method("eof close-file"),
        **methods("read readlines readline", "read:stdout waits whole file"),
    },
    "sftp": {
        **methods("stat lstat listdir listdir_attr listdir_iter remove unlink rename posix_rename mkdir", "sftp waits"),
        **methods("rmdir chmod chown utime truncate symlink readlink normalize get put getfo putfo", "sftp waits"),
        **methods("open file", "sftp waits", "sftpfile"),
        "chdir": method("sftp cwd waits"),
        "getcwd": method("read-cwd"),
        "get_channel": method("", "part:channel"),
        "close": method("close"),
    },
    "sftpfile": {
        **methods("read readlines readline readinto", "file sftp waits"),
        "__iter__": method("file sftp waits whole stream"),
        **methods("write writelines", "file sftp waits"),
        **methods("seek", "file seek"),
        **methods("tell seekable", ""),
        **methods("stat chmod chown utime truncate check flush", "sftp waits"),
        **methods("readv", "file sftp waits whole"),
        "prefetch": method("prefetch sftp"),
        "close": method("close-file sftp"),
        **methods("set_pipelined settimeout gettimeout setblocking", ""),
    },
    "agent": {"get_keys": method("", "agentkeys"), "close": method("close")},
    "hostkeys": {
        **methods("load add clear", "hostkeys"),
        "save": method("hostkeys save-keys"),
        **methods("lookup check keys values items", ""),
    },
    "proxy": {"close": method("close"), **methods("send recv settimeout", "")},
    "autoadd": {},
    "warnpolicy": {},
    "rejectpolicy": {},
    "logfile": {},
}

TELLING: dict[str, str] = {
    name: kind
    for kind, names in {
        "client": "exec_command invoke_shell open_sftp get_transport set_missing_host_key_policy load_system_host_keys"
        " load_host_keys save_host_keys",
        "transport": "open_session open_sftp_client request_port_forward cancel_port_forward auth_publickey"
        " auth_interactive auth_password set_keepalive renegotiate_keys start_client",
        "channel": "recv_exit_status exit_status_ready recv_stderr recv_stderr_ready set_combine_stderr",
        "sftp": "listdir_attr listdir_iter putfo getfo posix_rename",
        "sftpfile": "prefetch",
    }.items()
    for name in names.split()
}
"""Methods that only one class of Paramiko has: a parameter on which one is called is of that kind."""

KIND_WORDS = {
    "client": "SSH client",
    "transport": "transport",
    "channel": "channel",
    "stdout": "stdout of a channel",
    "stderr": "stderr of a channel",
    "stdin": "stdin of a channel",
    "sftp": "SFTP client",
    "sftpfile": "SFTP file",
    "agent": "agent connection",
    "proxy": "ProxyCommand",
    "hostkeys": "HostKeys",
    "fabric": "fabric Connection",
    "fabricgroup": "fabric Group",
    "netmiko": "netmiko connection",
    "scp": "SCPClient",
    "tunnel": "SSHTunnelForwarder",
    "pysftp": "pysftp Connection",
    "sshhook": "SSHHook",
    "lock": "lock",
    "executor": "executor",
}

CONNECTIONS = frozenset({"client", "transport", "fabric", "netmiko", "pysftp", "tunnel"})
"""Kinds that own a connection to a server."""
STREAMS = frozenset({"stdout", "stderr", "stdin"})
