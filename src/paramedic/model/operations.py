"""The operations that a recording can name, in the order of their numbers.

A recording's header carries the names, so that old recordings stay readable when operations are added. A name is
``Class.method`` in Paramiko's or the standard library's words; ``File`` stands for `paramiko.file.BufferedFile` and all
that inherits from it.
"""

from __future__ import annotations

_TABLE = {
    "SSHClient": "__init__ connect close exec_command invoke_shell open_sftp load_system_host_keys load_host_keys "
    "save_host_keys set_missing_host_key_policy",
    "Transport": "__init__ run start_client start_server connect close open_session open_channel open_sftp_client "
    "request_port_forward cancel_port_forward global_request renegotiate_keys set_keepalive send_ignore accept "
    "auth_none auth_password auth_publickey auth_interactive auth_interactive_dumb atfork send_in_kex",
    "Channel": "__init__ __del__ get_pty invoke_shell exec_command invoke_subsystem resize_pty update_environment "
    "set_environment_variable exit_status_ready recv_exit_status send_exit_status request_x11 request_forward_agent "
    "set_combine_stderr settimeout setblocking close recv_ready recv recv_stderr_ready recv_stderr send_ready send "
    "send_stderr sendall sendall_stderr fileno shutdown shutdown_read shutdown_write",
    "File": "__init__ __del__ close flush read readinto readline readlines __next__ seek tell write writelines",
    "ChannelFile": "__init__",
    "ChannelStdinFile": "close",
    "SFTPClient": "__init__ close listdir listdir_attr listdir_iter open remove rename posix_rename mkdir rmdir stat "
    "lstat symlink chmod chown utime truncate readlink normalize chdir getcwd putfo put getfo get",
    "SFTPFile": "__init__ close seek stat chmod chown utime truncate check prefetch",
    "HostKeys": "__init__ add load save lookup check clear __setitem__ __delitem__",
    "AgentKey": "sign_ssh_data",
    "ProxyCommand": "__init__ close recv",
    "Thread": "__init__ join shutdown",
    "Loop": "__init__ run_forever",
    "Event": "__init__ wait",
    "Condition": "__init__ wait wait_for",
    "Semaphore": "__init__ acquire",
    "Barrier": "__init__ wait",
    "Queue": "__init__ put get join",
    "SimpleQueue": "__init__ get",
    "Future": "__init__ result exception wait",
    "Executor": "__init__ submit shutdown",
    "Lock": "__init__",
    "RLock": "__init__",
}

OPERATIONS: tuple[str, ...] = ("", *(f"{cls}.{name}" for cls, names in _TABLE.items() for name in names.split()))
"""Names by number; number 0 is no operation."""

NUMBER: dict[str, int] = {name: number for number, name in enumerate(OPERATIONS)}
"""Numbers by name."""
