import json
import signal
import subprocess

import pytest
from click.testing import CliRunner

from livetomo.cli import livetomo_command
from livetomo.config.configuration import Mqtt, load_config
from livetomo.daemon.doctor import broker, clock, devices, folders, versions
from livetomo.system.mounts import FileSystem
from tests.servers import Mosquitto, need

LOCAL, REMOTE = FileSystem("ext4", "/dev/sda1", "/"), FileSystem("nfs4", "server:/data", "/data")
GPU = {"name": "NVIDIA Something", "total": 24_000_000_000, "free": 20_000_000_000}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "livetomo.toml"
    path.write_text('site = "here"\nstate = "state"\noutput = "results"\n[[watch]]\nname = "krios1"\npath = "raw"\n')
    (tmp_path / "raw").mkdir()
    return load_config(path)


def test_an_old_sqlite_is_bad():
    assert [finding.verdict for finding in versions(sqlite=(3, 36, 0))] == ["good", "bad"]
    assert [finding.verdict for finding in versions(sqlite=(3, 40, 1))] == ["good", "good"]


def test_no_gpu_is_no_fault():
    *_, last = devices("auto", ask=list)
    assert last.said == "none, work is done on the processors"


def test_a_gpu_that_the_configuration_names_and_torch_does_not_see_is_bad():
    found = {finding.about: finding.verdict for finding in devices(["cuda:0", "cuda:1"], ask=lambda: [GPU])}
    assert found["cuda:0"] == "good"
    assert found["cuda:1"] == "bad"


def test_a_gpu_that_another_program_fills_is_a_warning():
    *_, last = devices("auto", ask=lambda: [GPU | {"free": 1_000_000_000}])
    assert (last.about, last.verdict) == ("cuda:0", "warn")
    assert "1.0 of 24.0 GB free" in last.said


def test_a_driver_that_takes_torch_down_is_reported_with_its_last_word():
    def ask():
        raise subprocess.CalledProcessError(1, "python", stderr="Traceback\nRuntimeError: no kernel image")

    *_, last = devices("auto", ask=ask)
    assert last.said == "torch ends with: RuntimeError: no kernel image"


def test_a_driver_that_hangs_does_not_hang_the_doctor():
    def ask():
        raise subprocess.TimeoutExpired("python", 120)

    *_, last = devices("auto", ask=ask)
    assert (last.verdict, last.said) == ("bad", "torch does not answer")


def test_a_clock_that_follows_no_other_is_a_warning():
    assert clock(lambda: False).verdict == "warn"
    assert clock(lambda: True).verdict == "good"


def test_local_folders_are_good(config):
    found = {finding.about: finding for finding in folders(config, lambda path: LOCAL)}
    assert found['watch "krios1"'].verdict == "good"
    assert "on ext4 /dev/sda1" in found["state"].said


def test_a_state_on_a_network_file_system_is_bad_and_a_watch_there_is_not(config):
    found = {finding.about: finding.verdict for finding in folders(config, lambda path: REMOTE)}
    assert found["state"] == "bad"
    assert found['watch "krios1"'] == "good"


def test_a_root_that_is_not_there_is_bad(config, tmp_path):
    (tmp_path / "raw").rmdir()
    found = {finding.about: finding.verdict for finding in folders(config, lambda path: LOCAL)}
    assert found['watch "krios1"'] == "bad"


async def test_a_broker_that_is_not_there_is_bad(unused_tcp_port):
    finding = await broker(Mqtt(url=f"mqtt://127.0.0.1:{unused_tcp_port}"), "livetomo/here/main")
    assert finding.verdict == "bad"
    assert finding.said.startswith(f"127.0.0.1:{unused_tcp_port} cannot be reached")


async def test_a_broker_that_takes_messages_is_good(mosquitto):
    finding = await broker(Mqtt(url=f"mqtt://127.0.0.1:{mosquitto.port}"), "livetomo/here/main")
    assert (finding.verdict, finding.said) == (
        "good",
        f"127.0.0.1:{mosquitto.port} takes messages below livetomo/here/main",
    )


NOTHING_READ = "topic write livetomo/here/main/#\n"
NOT_THE_PICKS = "topic readwrite livetomo/here/main/#\ntopic deny livetomo/here/main/krios1/+/+/picks/#\n"
ACLS = {
    # protocol, ACL, more: verdict, words
    "all is well": ("5", "topic readwrite livetomo/#\n", "", "good", "takes messages below livetomo/here/main"),
    "all is well, 3.1.1": ("3.1.1", "topic readwrite livetomo/#\n", "", "good", "takes messages below"),
    "one kind is refused": ("5", NOT_THE_PICKS, "", "bad", "picks/livetomo-doctor (not authorized)"),
    "one kind is dropped in silence": (
        "3.1.1",
        NOT_THE_PICKS,
        "",
        "bad",
        "krios1/+/+/picks/livetomo-doctor do not come",
    ),
    "nothing can be read": ("5", NOTHING_READ, "", "warn", "this user cannot read them"),
    "nothing can be known": ("3.1.1", NOTHING_READ, "", "warn", "it cannot be known"),
    "all is forbidden": ("5", "topic readwrite elsewhere/#\n", "", "bad", "not authorized"),
    "all is dropped": ("3.1.1", "topic readwrite elsewhere/#\n", "", "warn", "it cannot be known"),
    "small messages only": ("5", "topic readwrite livetomo/#\n", "max_packet_size 5000", "warn", "up to 5,000 bytes"),
}


@pytest.mark.parametrize(("protocol", "acl", "more", "verdict", "words"), ACLS.values(), ids=ACLS)
async def test_what_the_broker_does_with_messages_is_tried_for_each_kind(
    tmp_path, monkeypatch, protocol, acl, more, verdict, words
):
    monkeypatch.setattr("livetomo.publish.mqtt.trial._BACK_SECONDS", 0.2)
    (tmp_path / "acl").write_text(acl)
    settings = f"allow_anonymous true\nacl_file {tmp_path / 'acl'}\n{more}"
    mosquitto = Mosquitto(need("mosquitto", "mosquitto"), tmp_path, settings)
    await mosquitto.start()
    try:
        mqtt = Mqtt(url=f"mqtt://127.0.0.1:{mosquitto.port}", protocol=protocol)
        finding = await broker(mqtt, "livetomo/here/main", ["krios1"])
    finally:
        await mosquitto.stop(how=signal.SIGKILL)
    assert finding.verdict == verdict
    assert words in finding.said
    assert finding.cure or verdict == "good"


def test_programs_get_one_object_per_finding():
    result = CliRunner().invoke(livetomo_command, ["doctor", "--json"])
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert {"versions", "SQLite", "processors", "clock"} <= {finding["about"] for finding in findings}
    assert result.exit_code == 0 or "bad" in {finding["verdict"] for finding in findings}
