"""A boot at which nothing around the daemon is there yet: it lives, works, says so, and takes what comes."""

import asyncio
import socket
import urllib.error
import urllib.request

from tests.faults.test_running_for_months import status, until
from tests.servers import free_port


def answered(port: int, token: str) -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/status", headers={"authorization": token})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.HTTPError, OSError):
        return False


def post(port: int, token: str) -> int:
    """The status of a request that needs the token."""
    url, head = f"http://127.0.0.1:{port}/api/v1/actions/pause", {"authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"{}", head, method="POST"), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


async def test_whatever_is_not_there_yet_at_boot_costs_no_tomogram_and_is_taken_as_it_comes(
    daemon, mosquitto, tmp_path
):
    port = free_port()
    text = daemon.configuration.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}")
    secrets = 'username = "livetomo"\npassword_file = "password"\n'
    text = text.replace("[mqtt]\n", f"[mqtt]\n{secrets}").replace("[http]\n", '[http]\ntoken_file = "token"\n')
    daemon.configuration.write_text(text)
    deserted = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(deserted))
    with socket.create_server(("127.0.0.1", port)):
        await daemon.start(environment={"NOTIFY_SOCKET": str(deserted)})
        daemon.land("TS_01")
        await until(lambda: status(daemon)["status"]["jobs"] == {"done": 1})
        said = await asyncio.to_thread(lambda: " ".join(status(daemon)["problems"]))
    assert f'"listen": 127.0.0.1:{port} cannot be bound' in said
    assert "token cannot be read" in said
    assert "password cannot be read" in said
    (daemon.folder / "token").write_text("key\r\n")
    (daemon.folder / "password").write_text("anything\n")
    await until(lambda: answered(port, ""))
    await until(lambda: status(daemon)["problems"] == [], seconds=90)
    assert await asyncio.to_thread(post, port, "wrong") == 403
    assert await asyncio.to_thread(post, port, "key") == 200
    assert daemon.is_running()
