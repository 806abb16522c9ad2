"""Proof of ``rekey-deadlock``: new keys are asked for while commands end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import paramiko

if TYPE_CHECKING:
    from paramedic.model.proof import DemoServer

MANNERS = {"round_trip_s": 0.1}  # a network: the ends of commands are on their way when we ask for keys
PATIENCE_S = 3.5


def bad(server: DemoServer) -> None:
    """Renegotiate in the middle of the work: the transport's thread waits for itself, then the connection is lost."""
    client = _connect(server)
    transport = client.get_transport()
    assert transport is not None
    done = 0

    def work() -> None:
        nonlocal done
        try:
            while done < 100:
                channel = transport.open_session()
                channel.exec_command("true")
                while channel.recv(1024):
                    pass
                done += 1
        except (paramiko.SSHException, EOFError, OSError) as error:
            print(f"work: {type(error).__name__}: {error}")

    def renew() -> None:
        try:
            while True:
                # Clears clear_to_send and sends KEXINIT. A CHANNEL_CLOSE that comes before the answer is answered on
                # the transport's thread: _send_user_message() waits 30 s for clear_to_send, which this thread sets.
                transport.renegotiate_keys()
        except (paramiko.SSHException, EOFError, OSError) as error:
            print(f"renew: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=job, daemon=True) for job in (work, work, work, renew)]
    for thread in threads:
        thread.start()
    threads[0].join(PATIENCE_S)
    before = done
    threads[0].join(0.8)
    print(f"{'standing still' if done == before else 'moving'} after {done} commands")
    client.close()
    for thread in threads:
        thread.join(0.5)


def good(server: DemoServer) -> None:
    """Renegotiate between the commands, when no channel is open."""
    with _connect(server) as client:
        transport = client.get_transport()
        assert transport is not None
        for _ in range(3):
            streams = client.exec_command("true", timeout=10)  # all are kept: stdin sends EOF when it goes
            stdout = streams[1]
            stdout.read()
            stdout.channel.recv_exit_status()
            stdout.channel.close()
            transport.open_session(timeout=10).close()  # its answer comes after the last message of the command
            transport.renegotiate_keys()
        print("3 commands, 3 times new keys")


def _connect(server: DemoServer) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.load_host_keys(server.known_hosts_file)
    client.connect(**server.connect_kwargs(), timeout=10)
    return client
