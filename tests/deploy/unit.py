"""`unit.py NAME`: start a service as its systemd unit says, and return when it is ready; what systemd does, in brief.

It knows the keys that the units of livetomo, Mosquitto and Prometheus start by: User, EnvironmentFile, Environment,
ExecStartPre, ExecStart, StateDirectory, and Type=notify, whose READY=1 it waits for.
"""

import os
import pwd
import shlex
import socket
import subprocess
import sys
from pathlib import Path

FOLDERS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))
READY_SECONDS = 60.0


def read(name: str) -> dict[str, list[str]]:
    """The keys of the section Service, each with all its values."""
    path = next(folder / f"{name}.service" for folder in FOLDERS if (folder / f"{name}.service").exists())
    keys: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            keys.setdefault(key, []).append(value)
    return keys


def environment(keys: dict[str, list[str]]) -> dict[str, str]:
    """What the unit gives its service, and what systemd gives to all."""
    given = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    texts = [Path(name.removeprefix("-")).read_text().splitlines() for name in keys.get("EnvironmentFile", ())]
    for line in (*keys.get("Environment", ()), *(line for lines in texts for line in lines)):
        key, equal, value = line.partition("=")
        if equal and not line.startswith("#"):
            given[key] = value.strip().strip('"')
    return given


def start(name: str) -> None:
    """Start it; an end before it is ready is a failure, with what it said."""
    keys = read(name)
    env = environment(keys)
    for command in keys.get("ExecStartPre", ()):
        subprocess.run(shlex.split(command), check=True)
    user = pwd.getpwnam(keys["User"][-1]) if "User" in keys else None
    for folder in keys.get("StateDirectory", ()):
        (Path("/var/lib") / folder).mkdir(exist_ok=True)
    words = [os.path.expandvars(word) for word in shlex.split(_filled(keys["ExecStart"][-1], env))]
    ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    place = Path(f"/run/notify-{name}")
    place.unlink(missing_ok=True)
    ready.bind(str(place))
    place.chmod(0o777)
    ready.settimeout(READY_SECONDS)
    who = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    env["NOTIFY_SOCKET"] = str(place)
    path = Path(f"/var/log/{name}-unit.log")
    with path.open("wb") as log:
        process = subprocess.Popen(words, env=env, cwd="/", stdout=log, stderr=log, start_new_session=True, **who)
    Path(f"/run/{name}.pid").write_text(str(process.pid))
    if "notify" in keys.get("Type", ()):
        while process.poll() is None and b"READY=1" not in _heard(ready):
            continue
    if process.poll() is not None:
        sys.exit(f"{name} ended with {process.returncode}: {path.read_text()[-2000:]}")


def _filled(command: str, env: dict[str, str]) -> str:
    for key, value in env.items():
        command = command.replace(f"${key}", value)
    return command


def _heard(ready: socket.socket) -> bytes:
    ready.settimeout(1.0)
    try:
        return ready.recv(4096)
    except TimeoutError:
        return b""


if __name__ == "__main__":
    start(sys.argv[1])
