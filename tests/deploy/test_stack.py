"""The files of the stack work with the real servers: broker with passwords and ACL, Prometheus with rules and token."""

import asyncio
import shutil
import signal
import subprocess
import tempfile
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiomqtt
import httpx
import pytest
import pytest_asyncio
import yaml

from livetomo.config.configuration import Config, Mqtt
from livetomo.core.errors import BrokerAway, MessageRefused
from livetomo.publish.mqtt.transport_aiomqtt import MqttTransport
from livetomo.publish.payloads.events import Message
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules
from livetomo.web.server import Server, bind_tcp
from tests.servers import Mosquitto, Prometheus, need
from tests.web.site import FakeDaemon, site

DEPLOY = Path(__file__).parents[2] / "deploy"
WILL = Message("livetomo/example-facility/main/availability", b"offline", retain=True)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may enter: Mosquitto, started by root, becomes another user."""
    path = Path(tempfile.mkdtemp(prefix="livetomo-stack-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class StackMosquitto(Mosquitto):
    """Started in a folder laid out as in the container; only the port is another."""

    def __init__(self, program: str, folder: Path) -> None:
        super().__init__(program, folder)
        shutil.copytree(DEPLOY / "mosquitto", folder / "config")
        (folder / "secrets").mkdir()
        (folder / "data").mkdir(mode=0o777)
        (folder / "data").chmod(0o777)
        self._config = folder / "config" / "mosquitto.conf"
        text = self._config.read_text()
        assert "listener 1883\n" in text
        self._config.write_text(text.replace("listener 1883\n", f"listener {self.port} 127.0.0.1\n"))
        for name in ("livetomo", "reader"):
            passwords = folder / "secrets" / "passwords"
            passwords.touch()
            subprocess.run([need("mosquitto_passwd", "mosquitto"), "-b", passwords, name, f"{name}-word"], check=True)
            passwords.chmod(0o644)


@pytest_asyncio.fixture
async def mosquitto(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Mosquitto]:
    broker = StackMosquitto(need("mosquitto", "mosquitto"), folder)
    monkeypatch.chdir(folder)
    await broker.start()
    yield broker
    await broker.stop(how=signal.SIGKILL)


def way(broker: Mosquitto, folder: Path, user: str, word: str) -> MqttTransport:
    secret = folder / f"{user}-{word}"
    secret.write_text(word)
    settings = {"url": f"mqtt://127.0.0.1:{broker.port}", "username": user, "password_file": secret}
    return MqttTransport(Mqtt.model_validate(settings), f"{user}-{word}")


async def test_livetomo_may_say_and_readers_may_listen(mosquitto: Mosquitto, folder: Path) -> None:
    with pytest.raises(BrokerAway, match=r"(?i)not authori[sz]ed"):
        async with way(mosquitto, folder, "livetomo", "wrong").connect(WILL):
            raise AssertionError("the password is wrong")
    reader = aiomqtt.Client("127.0.0.1", mosquitto.port, username="reader", password="reader-word")
    async with asyncio.timeout(20), reader:
        await reader.subscribe("livetomo/#", 1)
        async with way(mosquitto, folder, "livetomo", "livetomo-word").connect(WILL) as connection:
            await connection.publish(Message("livetomo/example-facility/main/status", b"{}", retain=True))
            assert (await anext(aiter(reader.messages))).payload == b"{}"
        async with way(mosquitto, folder, "reader", "reader-word").connect(WILL) as connection:
            with pytest.raises(MessageRefused, match=r"refused .* ACL"):
                await connection.publish(Message("livetomo/example-facility/main/status", b"{}"))


@pytest.mark.slow
async def test_prometheus_scrapes_with_the_token_and_loads_the_rules(folder: Path) -> None:
    rules = AccessRules(open_reading=False, token=lambda: "key")
    server = Server(create_app(site(FakeDaemon(folder)), rules), bind_tcp("127.0.0.1", 0))
    serving = asyncio.create_task(server.run())
    files = folder / "prometheus"
    shutil.copytree(DEPLOY / "prometheus", files)
    write(files / "secrets" / "livetomo-token", "key\n")
    write(files / "targets" / "livetomo" / "livetomo.yml", yaml.safe_dump([{"targets": [f"127.0.0.1:{server.port}"]}]))
    prometheus = Prometheus(need("prometheus", "prometheus"), files / "prometheus.yml", folder / "tsdb")
    await prometheus.start()
    groups = [each for path in (files / "rules").glob("*.yml") for each in yaml.safe_load(path.read_text())["groups"]]
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(base_url=prometheus.url) as client:
            loaded = (await client.get("/api/v1/rules")).json()["data"]["groups"]
            assert {group["name"] for group in loaded} == {group["name"] for group in groups}
            assert sum(len(group["rules"]) for group in loaded) == sum(len(group["rules"]) for group in groups)
            while not (await client.get("/api/v1/query?query=livetomo_ready")).json()["data"]["result"]:  # noqa: ASYNC110
                await asyncio.sleep(0.5)  # Prometheus notifies nobody, it has to be asked
            (up,) = (await client.get("/api/v1/query?query=up")).json()["data"]["result"]
            assert (up["metric"]["job"], up["value"][1]) == ("livetomo", "1")
    finally:
        await prometheus.stop()
        serving.cancel()
        await asyncio.wait([serving])


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_the_stacks_configuration_is_right() -> None:
    config = Config(**tomllib.loads((DEPLOY / "livetomo.toml").read_text()))
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    mounted = {volume.split(":")[-2] for volume in compose["services"]["livetomo"]["volumes"] if volume.count(":") > 1}
    assert str(config.watch[0].path) in " ".join(mounted)
    assert config.mqtt is not None
    for path in (config.mqtt.password_file, config.http.token_file):
        assert path is not None
        assert path.name in compose["services"]["livetomo"]["secrets"]
    assert config.mqtt.url.host in compose["services"]
    (provider,) = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/livetomo.yml").read_text())["providers"]
    assert f"../dashboards:{provider['options']['path']}:ro" in compose["services"]["grafana"]["volumes"]


def test_every_file_that_the_stack_mounts_is_there() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".") and "/secrets/" not in source:
                assert (DEPLOY / source).exists(), source
