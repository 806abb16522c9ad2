"""Our reading of ``ssh_config`` against OpenSSH's own: ``ssh -G`` prints what it would do."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from paramedic.safe import BadConfiguration, known_hosts
from paramedic.safe.destination import Configuration, Destination
from paramedic.safe.ssh_config import seconds

SSH = shutil.which("ssh")
needs_ssh = pytest.mark.skipif(SSH is None, reason="OpenSSH's client is not installed (Debian: openssh-client)")
ME = getpass.getuser()

# The text of the file, then the hosts to ask for. {d} is the folder of the file.
CONFIGURATIONS: dict[str, tuple[str, list[str]]] = {
    "an empty file": ("", ["web", "me@web"]),
    "names, ports and users": ("Host web\n  HostName 10.0.0.1\n  Port 2222\n  User deploy\n", ["web", "me@web", "db"]),
    "the first value counts": ("Host *\n Port 1\nHost web\n Port 2\n", ["web"]),
    "an equals sign, quotes, tabs and comments": (
        '# a comment\n  Host = "web"\n\tPort=22\n\tUser = "some one"\n   # another\n',
        ["web", "db"],
    ),
    "keywords in any case": ("HOST web\n  hostNAME web.example\n  PORT 5\n", ["web"]),
    "a comment at the end of a line": ("Host web # the web\n  Port 23 # why\n", ["web", "#", "the"]),
    "patterns and exceptions": (
        "Host *.a !x.a\n  Port 1\nHost w?b\n  Port 2\nHost !*\n Port 3\nHost a b c\n  Port 4\n",
        ["y.a", "x.a", "web", "wb", "b", "q"],
    ),
    "capitals": ("Host a\n HostName B.X\nHost A.X\n Port 5\nHost a.x\n Port 6\n", ["a", "A", "A.X", "a.x"]),
    "brackets are no pattern": ("Host w[ae]b\n  Port 1\n", ["web", "w[ae]b"]),
    "several keys, in order, once each": (
        "Host web\n  IdentityFile ~/one\n  IdentityFile {d}/two\nHost *\n  IdentityFile ~/x\n  IdentityFile ~/one\n",
        ["web", "db"],
    ),
    "several certificates": (
        "CertificateFile ~/a-cert.pub\nCertificateFile {d}/b-cert.pub\nHost web\n CertificateFile ~/c-cert.pub\n",
        ["web", "db"],
    ),
    "a file name with spaces": ('IdentityFile "{d}/my key"\nUserKnownHostsFile "{d}/my hosts" /other\n', ["web"]),
    "escaped quotes and spaces": (
        'IdentityFile /my\\ key\nIdentityFile "/a\\"b"\nIdentityFile /c\\d\nIdentityFile /e\\\\f\n'
        'IdentityFile \'/g"\'h" i"\n',
        ["web"],
    ),
    "the name of a service": ("Port ssh\n", ["web"]),
    "lines end with a newline and nothing else": ("Host a\x0bPort 9\n User x\nHost web\u2028Port 8\n", ["a", "web"]),
    "an Include that finds a directory": ("Include {d}/sub*\nInclude {d}\nPort 3\n", ["web"]),
    "tokens in file names": (
        "Host web\n HostName w.example\n User u\n Port 99\nHost *\n IdentityFile ~/%%-%h-%n-%p-%r-%u-%d-%L\n",
        ["web", "db"],
    ),
    "the name in the host's name": (
        "Host web?\n  HostName %h.example.com\nHost pc\n HostName 100%%.x\n",
        ["web1", "pc"],
    ),
    "jumps": ("Host a\n ProxyJump b,c\nHost b gw\n ProxyJump none\nHost *\n ProxyJump gw\n", ["a", "b", "d"]),
    "jumps with users and ports": ("Host a\n ProxyJump me@gw:2200\n", ["a"]),
    "a command": ("Host a\n  ProxyCommand nc -x '%h' \"%p\" %r %n\n  Port 7\n", ["a"]),
    "a command keeps a jump away": ("Host a\n ProxyCommand nc %h %p\nHost !gw *\n ProxyJump gw\n", ["a", "b"]),
    "a jump keeps a command away": ("Host a\n ProxyJump gw\nHost *\n ProxyCommand nc %h %p\n", ["a", "b"]),
    "no command keeps a jump away": ("Host a\n ProxyCommand none\nHost !gw *\n ProxyJump gw\n", ["a", "b"]),
    "yes and no": (
        "Host a\n IdentitiesOnly yes\n Compression yes\n"
        " GSSAPIAuthentication yes\n GSSAPIDelegateCredentials yes\nHost b\n IdentitiesOnly no\n",
        ["a", "b", "c"],
    ),
    "addresses": (
        "Host a\n AddressFamily inet6\n BindAddress ::1\nHost b\n AddressFamily INET\nAddressFamily any\n",
        ["a", "b", "c"],
    ),
    "times": ("Host a\n ConnectTimeout 90\n ServerAliveInterval 1m\nHost b\n ConnectTimeout 1m30s\n", ["a", "b", "c"]),
    "host keys": (
        "Host a\n StrictHostKeyChecking accept-new\n HostKeyAlias alias\nHost b\n StrictHostKeyChecking no\n"
        "Host c\n StrictHostKeyChecking yes\n",
        ["a", "b", "c", "d"],
    ),
    "agents": (
        "Host a\n IdentityAgent {d}/agent\nHost b\n IdentityAgent none\nHost c\n IdentityAgent SSH_AUTH_SOCK\n"
        "Host e\n IdentityAgent ${{PARAMEDIC_TEST}}/agent\n",
        ["a", "b", "c", "d", "e"],
    ),
    "Match all": ("Match all\n Port 1\nHost a\n Port 2\n", ["a"]),
    "Match host sees the host's name": ("Host a\n HostName b\nMatch host b\n Port 1\n", ["a", "b", "c"]),
    "Match originalhost does not": ("Host a\n HostName b\nMatch originalhost b\n Port 1\n", ["a", "b"]),
    "Match host with patterns": ("Match host *.x,!y.x,z\n Port 1\n", ["a.x", "y.x", "z", "A.X", "q"]),
    "Match with several criteria": (
        f"Match host a user {ME}\n Port 1\nMatch host a user nobody\n Port 2\n",
        ["a", "b"],
    ),
    "Match user is whom we asked for": (
        "Match user deploy\n Port 1\nHost b\n User deploy\nMatch user deploy\n IdentityFile ~/d\n",
        ["deploy@a", "a", "b", "me@b"],
    ),
    "Match localuser": (f"Match localuser {ME}\n Port 1\nMatch localuser nobody\n Port 2\n", ["a"]),
    "Match exec": (
        'Match exec "test %h = a"\n Port 1\nMatch !exec "true"\n Port 2\nMatch exec "exit 1"\n Port 3\n'
        'Match exec "test %n-%r-%p = b-u-22"\n Port 4\n',
        ["a", "u@b", "b"],
    ),
    "Match is negated": ("Match !host a\n Port 1\nMatch host b !user nobody\n IdentityFile ~/x\n", ["a", "b"]),
    "Match final": (
        "Match final host b\n Port 1\nHost a\n HostName b\nMatch final\n User f\nHost b\n IdentityFile ~/seen-again\n",
        ["a", "b", "c"],
    ),
    "Match final all": ("Match final all\n Port 1\nHost a\n Port 2\n", ["a", "b"]),
    "known hosts of users and all": ("UserKnownHostsFile {d}/k1 {d}/k2\nGlobalKnownHostsFile {d}/g\n", ["a"]),
    "known hosts of all": ("GlobalKnownHostsFile {d}/g\nHashKnownHosts yes\n", ["a"]),
    "no known hosts": ("UserKnownHostsFile none\nGlobalKnownHostsFile none\n", ["a"]),
    "no known hosts of users": ("UserKnownHostsFile none\n", ["a"]),
    "an Include": ("Include {d}/one\nHost a\n Port 3\n", ["a", "b"]),
    "Includes by pattern, in order": ("Include {d}/conf.d/*.conf\n", ["a", "b", "c"]),
    "several Includes, one that is not there": ("Include {d}/nothing {d}/one\n", ["a"]),
    "an Include in a block holds for that block": (
        "Host a\n Include {d}/plain\n Port 9\nHost *\n Port 8\n",
        ["a", "b"],
    ),
    "blocks of an Include in a block need both": ("Host a b\n Include {d}/one\n IdentityFile ~/i\n", ["a", "b", "c"]),
    "an Include in a Match": (
        f"Match user {ME}\n Include {{d}}/plain\nMatch user no\n Include {{d}}/one\n",
        ["a", "b"],
    ),
    "what follows an Include belongs to its block": ("Host a\n Include {d}/one\n User inside\n", ["a", "b"]),
}
FILES = {
    "one": "User early\nHost a\n Port 11\n IdentityFile ~/one-a\nHost c\n Port 13\n",
    "plain": "User plain\nIdentityFile ~/plain\n",
    "conf.d/10.conf": "Host a\n Port 10\n",
    "conf.d/20.conf": "Host a b\n Port 20\n",
    "conf.d/30.txt": "Host c\n Port 30\n",
}


def said_by_openssh(config: Path, host: str) -> dict[str, list[str]]:
    assert SSH is not None
    done = subprocess.run([SSH, "-G", "-F", str(config), host], capture_output=True, text=True, timeout=30)
    if done.returncode:
        return {"error": [done.stderr]}
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword, []).append(value)
    return found


def as_openssh_says_it(destination: Destination) -> dict[str, object]:
    home = os.path.expanduser("~")
    jumps = destination.jumps
    return {
        "hostname": destination.hostname,
        "port": str(destination.port),
        "user": destination.username,
        "identityfile": [name.replace("~", home, 1) for name in destination.key_filenames],
        "certificatefile": list(destination.certificate_filenames),
        "identitiesonly": "yes" if destination.identities_only else "no",
        "compression": "yes" if destination.compress else "no",
        "gssapiauthentication": "yes" if destination.gss else "no",
        "gssapidelegatecredentials": "yes" if destination.gss_delegate else "no",
        "hostkeyalias": destination.host_key_alias,
        "addressfamily": destination.family or "any",
        "bindaddress": destination.bind_address,
        "connecttimeout": destination.connect_timeout_s,
        "serveraliveinterval": destination.keepalive_s,
        "proxy": "command" if destination.proxy_command else "jump" if jumps else "none",
        "agent": destination.agent_socket,
        "policy": destination.host_key_policy,
        "knownhosts": list(destination.known_hosts_files),
        "hashknownhosts": "yes" if destination.hash_known_hosts else "no",
    }


def expected(found: dict[str, list[str]], name: str) -> dict[str, object]:
    from paramedic.safe.ssh_config import expand, expand_path, tokens

    def first(keyword: str, default: str = "none") -> str:
        return found.get(keyword, [default])[0]

    def time(keyword: str) -> float | None:
        return None if first(keyword) in ("none", "0") else float(first(keyword))

    original = name.rpartition("@")[2]
    # ssh -G prints file names before tokens are replaced.
    meanings = tokens(original, {"user": found["user"], "port": found["port"]}, first("hostname"))
    defaults = [value for value in found.get("identityfile", []) if "~/.ssh/id_" in value]
    agent = found.get("identityagent", ["SSH_AUTH_SOCK"])[0]
    policy = {"true": "strict", "accept-new": "accept-new", "false": "off", "ask": None}
    users, everybody = first("userknownhostsfile").split(), first("globalknownhostsfile").split()
    if len(everybody) > 1:
        everybody = everybody[:1]  # by default there is a second one, which nobody has
    if len(users) > 1 and users[1].endswith("known_hosts2"):
        users = users[:1]
    hosts = [os.devnull if file == "none" else file for file in users] + [file for file in everybody if file != "none"]
    return {
        "hostname": first("hostname"),
        "port": first("port"),
        "user": first("user"),
        "identityfile": [expand_path(v, meanings) for v in found.get("identityfile", []) if v not in defaults],
        "certificatefile": [expand_path(value, meanings) for value in found.get("certificatefile", [])],
        "identitiesonly": first("identitiesonly"),
        "compression": first("compression"),
        "gssapiauthentication": first("gssapiauthentication"),
        "gssapidelegatecredentials": first("gssapidelegatecredentials"),
        "hostkeyalias": None if first("hostkeyalias") == "none" else expand(first("hostkeyalias"), {}),
        "addressfamily": first("addressfamily"),
        "bindaddress": found["bindaddress"][0] if "bindaddress" in found else None,
        "connecttimeout": time("connecttimeout"),
        "serveraliveinterval": time("serveraliveinterval"),
        "proxy": "command" if first("proxycommand") != "none" else "jump" if first("proxyjump") != "none" else "none",
        "agent": None if agent == "SSH_AUTH_SOCK" else agent if agent == "none" else expand_path(agent, meanings),
        "policy": policy[first("stricthostkeychecking")],
        "knownhosts": [expand_path(file, meanings) for file in hosts],
        "hashknownhosts": first("hashknownhosts"),
    }


def compare(config: Path, name: str) -> None:
    found = said_by_openssh(config, name)
    if "error" in found:
        with pytest.raises(BadConfiguration):
            Configuration(config).destination(name)
        return
    ours, theirs = as_openssh_says_it(Configuration(config).destination(name)), expected(found, name)
    if not ours["knownhosts"]:
        ours["knownhosts"] = [os.path.expanduser(name) for name in (known_hosts.USER_FILE, known_hosts.SYSTEM_FILE)]
    ours["knownhosts"] = [os.path.expanduser(str(name)) for name in ours["knownhosts"]]  # type: ignore[attr-defined]
    for said in (ours, theirs):  # ssh -G puts names with spaces between others
        said["knownhosts"] = " ".join(said["knownhosts"])  # type: ignore[arg-type]
    assert ours == theirs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARAMEDIC_TEST", str(tmp_path))
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@needs_ssh
@pytest.mark.parametrize("story", CONFIGURATIONS)
def test_we_read_what_openssh_reads(folder: Path, story: str) -> None:
    text, hosts = CONFIGURATIONS[story]
    config = folder / "config"
    config.write_text(text.format(d=folder))
    for host in hosts:
        compare(config, host)


_names = st.sampled_from(["a", "b", "a.x", "*", "?", "*.x", "!a", "!b.x", "u"])
_lists = st.lists(_names, min_size=1, max_size=3)
_heads = st.one_of(
    _lists.map(lambda names: "Host " + " ".join(names)),
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["host", "!host", "originalhost", "user", "!user", "localuser"]), _lists).map(
                lambda pair: f"{pair[0]} {','.join(pair[1])}"
            ),
            st.sampled_from(['exec "test %h = a"', '!exec "test %n = b"', "final", "!final", 'exec "test %p = 22"']),
        ),
        min_size=1,
        max_size=2,
    ).map(lambda criteria: "Match " + " ".join(criteria)),
    st.sampled_from(["Match all", "Match final all", "Host *"]),
)
_settings = st.sampled_from(
    ["HostName b", "HostName %h.x", "Port 1", "Port 2", "User u", "User a", "IdentityFile /k", "IdentityFile /%n"]
    + [
        "ProxyJump none",
        "ProxyCommand none",
        "ProxyCommand nc",
        "Include {d}/plain",
        "Include {d}/one",
        "Compression yes",
    ]
)
_blocks = st.tuples(_heads, st.lists(_settings, max_size=3))


@needs_ssh
@given(st.lists(_blocks, max_size=4), st.sampled_from(["a", "b", "a.x", "u@a", "b@b.x"]))
@example([("Match final host b", ["Port 1"]), ("Host a", ["HostName b"])], "a")
@example([("Match host a", ["HostName b", "Include {d}/one"])], "a")
@example([("Match all", ["ProxyJump none", "ProxyCommand nc"])], "a")
@example([("Host a", ["HostName b"]), ("Match final", []), ("Host b", ["Port 1"])], "a")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_means_to_us_what_it_means_to_openssh(
    folder: Path, blocks: list[tuple[str, list[str]]], host: str
) -> None:
    config = folder / "config"
    lines = [line for head, body in blocks for line in (head, *("  " + setting for setting in body))]
    config.write_text("\n".join(lines).format(d=folder) + "\n")
    compare(config, host)


BROKEN = {
    "a keyword without a value": "Host a\n  Port\n",
    "a port that is none": "Port 99999\n",
    "a word for a port": "Port no-such-service\n",
    "an open quote": 'Host "a\n',
    "a criterion that nobody knows": "Match moon full\n",
    "a criterion without a value": "Match host\n",
    "a Match without criteria": "Match\n",
    "a token without a meaning": "Host a\n HostName %q\n",
    "a file that includes itself": "Include {d}/config\n",
    "an escaped quote that ends nothing": 'User "a\\"\n',
    "a criterion that a signal ends": 'Match exec "kill -9 $$"\n Port 3\n',
    "a jump that goes in a circle": "Host a\n ProxyJump b\nHost b\n ProxyJump a\n",
    "a kind of address that there is not": "AddressFamily inet4\n",
    "a time that is none": "ConnectTimeout soon\n",
}


@pytest.mark.parametrize("story", BROKEN)
def test_what_cannot_be_understood_is_told(folder: Path, story: str) -> None:
    config = folder / "config"
    config.write_text(BROKEN[story].format(d=folder))
    with pytest.raises(BadConfiguration):
        Configuration(config).destination("a")


def test_what_is_wrong_in_an_included_file_is_told_once(folder: Path) -> None:
    (folder / "config").write_text(f"Include {folder}/one-more\n")
    (folder / "one-more").write_text("\nPort\n")
    with pytest.raises(BadConfiguration) as told:
        Configuration(folder / "config")
    assert str(told.value).startswith(f"{folder}/one-more line 2: a keyword without a value")
    assert str(told.value).count("ssh -G") == 1


def test_a_criterion_that_we_cannot_judge_is_told_where_it_matters(folder: Path) -> None:
    config = folder / "config"
    config.write_text("Match host a localnetwork 10.0.0.0/8\n  Port 5\n")
    assert Configuration(config).destination("b").port == 22
    with pytest.raises(BadConfiguration, match="localnetwork"):
        Configuration(config).destination("a")


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("90", 90), ("1m30s", 90), ("1W", 604_800), ("2h", 7200)])
def test_times(text: str, value: float) -> None:
    assert seconds(text) == value
