"""docs/operations.md and stack.md, typed as they stand on a bare machine: what comes of it works for whom they name."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import need
from tests.volumes import balls, write_tomogram

ROOT = Path(__file__).parents[2]
MACHINE = ROOT / "tests" / "deploy" / "bare_machine.sh"
APART = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
OPERATIONS, STACK = ROOT / "docs" / "operations.md", ROOT / "docs" / "stack.md"

# Typed where the page says so: a person changes the configuration, a microscope writes a tomogram.
CHANGE = r"""
sed -i 's|^session = .*|&\nsince = "all"\nsettle = "1s"\nrescan = "1s"\nrecipe = "untrained"|' \
    /etc/livetomo/livetomo.toml
install -d /data/krios1/20261120_yeast
"""
LOOK = r"""
mosquitto_sub -u reader -P choose-a-password -q 1 -t 'livetomo/+/+/+/+/+/result' -C 1 -W 60 > /tmp/heard &
cp /tomogram.mrc /data/krios1/20261120_yeast/TS_01.mrc
wait $!
echo "HEARD $(head -c 2000 /tmp/heard)"
livetomo status
mosquitto_sub -u reader -P wrong -t '#' -C 1 -W 5 2>&1 && exit 1
asks() { "$PYTHON" -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())' "$1"; }
for second in $(seq 40); do
    ready=$(asks 'http://127.0.0.1:9090/api/v1/query?query=livetomo_ready')
    case $ready in *'"1"'*) break ;; esac
    sleep 0.5
done
echo "SCRAPED $ready"
echo "RULES $(asks http://127.0.0.1:9090/api/v1/rules | grep -o '"name":"Livetomo' | wc -l)"
echo "MODES $(stat -c '%U:%G:%a' /etc/livetomo/* /etc/prometheus/secrets/* | tr '\n' ' ')"
echo "BACKUP $(ls -s /backup)"
"""


def blocks(page: str, first: str, last: str) -> dict[str, str]:
    """The commands of each section from `first` to `last`, in the page's order."""
    sections = re.split(r"^## ", page, flags=re.MULTILINE)[1:]
    titles = [section.partition("\n")[0] for section in sections]
    wanted = sections[titles.index(first) : titles.index(last) + 1]
    return {
        section.partition("\n")[0]: "\n".join(re.findall(r"^```sh\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL))
        for section in wanted
    }


def typed_on_a_bare_machine(folder: Path, commands: str) -> str:
    """What is said while `commands` are typed."""
    need("ip", "iproute2")
    if os.getuid() != 0:
        pytest.skip("only root has a machine to itself")
    (folder / "commands.sh").write_text(commands)
    machine = folder / "machine"
    machine.mkdir()
    python = shutil.which("python", path=str(Path(sys.prefix) / "bin"))
    done = subprocess.run(
        [*APART, "bash", str(MACHINE), str(machine), str(ROOT), str(python), str(folder / "commands.sh")],
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    return said


@pytest.mark.slow
def test_what_is_typed_as_the_page_on_operations_says_works(tmp_path: Path) -> None:
    for program in ("mosquitto", "mosquitto_passwd", "prometheus"):
        need(program, program.partition("_")[0])
    need("mosquitto_sub", "mosquitto-clients")
    typed = blocks(OPERATIONS.read_text(encoding="utf-8"), "Install", "Backup")
    assert all(typed.values()), "a section without commands"
    install, rest = typed.pop("Install"), "\n".join(typed.values())
    tomogram = write_tomogram(tmp_path / "TS_01.mrc", balls())
    there = f"mv {tomogram} /tomogram.mrc && chmod 644 /tomogram.mrc"
    said = typed_on_a_bare_machine(tmp_path, "\n".join([there, install, CHANGE, rest, LOOK]))
    assert "livetomo.toml: ok" in said
    assert not re.findall(r"^warn(?!  clock|  GPUs).*|^BAD.*|.*: warning: .*", said, flags=re.MULTILINE)
    assert '"tomogram":"TS_01"' in said
    assert '"1"' in said.split("SCRAPED ")[1].splitlines()[0]
    files = (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")
    alerts = re.findall(r"alert: Livetomo", "".join(path.read_text() for path in files))
    assert int(said.split("RULES ")[1].split()[0]) == len(alerts) > 10
    modes = [*("root:livetomo:640", "root:root:644", "root:livetomo:640"), "root:prometheus:640"]
    assert said.split("MODES ")[1].split()[: len(modes)] == modes
    assert "livetomo-20" in said.split("BACKUP ")[1]


# The users of the containers, by what their images say.
USERS = {"livetomo": 1000, "mosquitto": 1883, "prometheus": 65534, "grafana": 472}


def test_what_is_typed_as_the_page_on_the_stack_says_suits_its_containers(tmp_path: Path) -> None:
    need("mosquitto_passwd", "mosquitto")
    typed = blocks(STACK.read_text(encoding="utf-8"), "Start it", "Start it")["Start it"]
    look = r"""
stat -c 'OUTPUT %u:%g' /data/livetomo
cat .env
for file in secrets/*; do echo "SECRET $file $(stat -c %a $file) $(wc -c < $file)"; done
cat secrets/mosquitto-passwords
"""
    said = typed_on_a_bare_machine(tmp_path, typed + look)
    assert f"COMPOSE in {ROOT / 'deploy'}" in said
    assert f"OUTPUT {USERS['livetomo']}:" in said
    compose = (ROOT / "deploy" / "compose.yaml").read_text()
    wanted = set(re.findall(r"\$\{(\w+)", compose))
    assert wanted == {line.partition("=")[0] for line in said.splitlines() if re.match(r"[A-Z_]+=", line)}
    secrets = {name: (int(mode, 8), int(size)) for name, mode, size in re.findall(r"SECRET (\S+) (\d+) (\d+)", said)}
    assert set(secrets) == set(re.findall(r"\./(secrets/[\w-]+)", compose))
    assert all(mode & 0o004 and size > 20 for mode, size in secrets.values()), secrets
    assert {"livetomo", "reader"} == set(re.findall(r"^(\w+):\$", said, flags=re.MULTILINE))
