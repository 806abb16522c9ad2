"""What the text of a remote command tells of how much it writes."""

from __future__ import annotations

import pytest

from paramedic.lint.shell import UNSEEN, ends, is_quiet

QUIET = r"""
systemctl is-active sshd
sudo systemctl restart nginx
sudo -u app systemctl --user restart app
tail -n 5 /var/log/syslog
tail /var/log/syslog
head -c 100 FILE
grep -c processor FILE
grep -q "a|b" FILE
grep -m1 pattern FILE
make > build.log 2>&1; tail -5 build.log
cat /etc/hostname
cat /etc/os-release | grep ID
awk '{print $1}' /proc/loadavg
uptime | awk '{print $3}'
df -h | grep sda
journalctl | tail -n 20
python3 --version
git rev-parse HEAD
docker inspect -f '{{.State.Running}}' web
docker stop web
ls -d /etc
timeout 5 uptime
service nginx restart
systemctl restart ?
"""
LOUD = r"""
tail -f FILE
tail -n +5 FILE
tail -n 20 -f FILE
head -n -5 FILE
tail -n ? FILE
head -c 100000000 /dev/zero
cat FILE
cat /etc/hostname /var/log/syslog
cat ?
?
ls -l /etc
make
git log
git status
docker logs web
docker inspect web
systemctl list-units
systemctl status nginx
service nginx status
grep "c" FILE
grep x /proc/meminfo /var/log/syslog
find / | sort
df -h; cat FILE
"""


def _quiet(command: str) -> bool:
    text = command.replace("?", UNSEEN)
    return is_quiet(text, UNSEEN not in text)


@pytest.mark.parametrize("command", QUIET.strip().splitlines())
def test_writes_little(command: str) -> None:
    assert _quiet(command)


@pytest.mark.parametrize("command", LOUD.strip().splitlines())
def test_may_write_much(command: str) -> None:
    assert not _quiet(command)


@pytest.mark.parametrize(
    "command",
    [
        "make -j8 all",
        "cd /srv/app && tar xzf a.tgz",
        "for i in 1 2 3; do echo $i; sleep 1; done",
        "sudo apt-get upgrade",
    ],
)
def test_what_comes_to_its_end_is_known(command: str) -> None:
    assert ends(command)


@pytest.mark.parametrize(
    "command",
    [
        *("tail -F app.log", "journalctl -fu app", "./run.sh", "make serve; python3 server.py", "sleep 1d"),
        *("for ((;;)); do date; done", "while read l; do echo; done", f"make {UNSEEN}", "", None),
    ],
)
def test_and_of_the_rest_nobody_knows(command: str | None) -> None:
    assert not ends(command)
