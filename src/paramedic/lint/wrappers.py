"""What packages that wrap Paramiko do, in the same tables: fabric, netmiko, scp, sshtunnel, pysftp, Airflow's SSHHook.

Checked against fabric 3.2 (``connection.py``, ``transfer.py``), netmiko 4.5 (``base_connection.py``), scp 0.15,
sshtunnel 0.4.0, pysftp 0.2.9, apache-airflow-providers-ssh 4.
"""

from __future__ import annotations

from paramedic.lint.api import Method, method, methods

CONSTRUCTORS = {
    "fabric.Connection": "fabric",
    "fabric.connection.Connection": "fabric",
    "fabric2.Connection": "fabric",
    "fabric.ThreadingGroup": "fabricgroup",
    "fabric.SerialGroup": "fabricgroup",
    "netmiko.ConnectHandler": "netmiko",
    "netmiko.ssh_dispatcher.ConnectHandler": "netmiko",
    "netmiko.BaseConnection": "netmiko",
    "netmiko.base_connection.BaseConnection": "netmiko",
    "netmiko.cisco_base_connection.CiscoBaseConnection": "netmiko",
    "netmiko.ConnLogOnly": "netmiko",
    "netmiko.ConnUnify": "netmiko",
    "scp.SCPClient": "scp",
    "sshtunnel.SSHTunnelForwarder": "tunnel",
    "sshtunnel.open_tunnel": "tunnel",
    "pysftp.Connection": "pysftp",
    "airflow.providers.ssh.hooks.ssh.SSHHook": "sshhook",
    "airflow.contrib.hooks.ssh_hook.SSHHook": "sshhook",
    "airflow.providers.sftp.hooks.sftp.SFTPHook": "sftphook",
}

NO_ARGUMENTS_NEEDED = frozenset({"netmiko", "pysftp"})
"""Kinds whose constructor connects."""

METHODS: dict[str, dict[str, Method]] = {
    "fabric": {
        # Connection.run and friends are decorated with @opens: `if self.is_connected: return`, then connect().
        **methods("run sudo shell", "lazy-connect open waits"),
        **methods("get put", "lazy-connect sftp waits"),
        "sftp": method("lazy-connect open waits", "part:sftp"),
        "open": method("connect auth waits", ""),
        "close": method("close"),
        **methods("forward_local forward_remote", "lazy-connect", ""),
        "local": method(""),
    },
    "fabricgroup": {**methods("run sudo put get", "waits"), "close": method("close")},
    "netmiko": {
        **methods(
            """send_command send_command_timing send_command_expect send_config_set send_multiline commit
            send_multiline_timing send_config_from_file save_config find_prompt enable exit_enable_mode config_mode
            exit_config_mode check_config_mode read_channel read_until_prompt read_until_pattern read_channel_timing
            clear_buffer write_channel set_base_prompt""",
            "dialogue waits",
        ),
        "establish_connection": method("connect"),
        "disconnect": method("close"),
        "is_alive": method(""),
    },
    "scp": {**methods("put get putfo", "dialogue open waits"), "close": method("close-file")},
    "tunnel": {"start": method("connect waits"), **methods("stop close restart", "close")},
    "pysftp": {
        **methods("get put get_d get_r put_d put_r getfo putfo listdir listdir_attr stat lstat exists", "sftp waits"),
        **methods("isdir isfile mkdir makedirs remove unlink rename rmdir walktree truncate chmod chown", "sftp waits"),
        **methods("open", "sftp waits", "sftpfile"),
        **methods("cd chdir cwd", "sftp cwd waits"),
        "execute": method("open waits"),
        "close": method("close"),
    },
    "sshhook": {"get_conn": method("connect waits", "client"), "get_tunnel": method("", "tunnel")},
    "sftphook": {"get_conn": method("connect waits", "sftp")},
}
