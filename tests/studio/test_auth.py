"""Access: tokens, host names, origins."""

import logging
import subprocess
import sys

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from dreamgaussian.studio.server.serve import with_token
from dreamgaussian.studio.server.view import view_app
from dreamgaussian.studio.settings import StudioSettings


def test_another_host_name_is_not_answered(studio):
    answer = studio.get("/api/studio", headers={"Host": "evil.example:8080"})
    assert answer.status_code == 403
    assert "evil.example" in answer.json()["error"]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_another_sites_page_can_change_nothing(studio, method):
    answer = studio.request(method, "/api/jobs/1", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


def test_the_page_may_load_nothing_from_outside(studio):
    policy = studio.get("/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe-eval" not in policy
    assert "https:" not in policy


def test_with_a_token_nobody_else_gets_in(serve):
    with serve("http://studio.example", host="0.0.0.0", token="open-sesame") as client:
        assert client.get("/").status_code == 401
        assert client.get("/?token=wrong-one").status_code == 401
        assert client.get("/api/studio", headers={"Authorization": "Bearer open-sesame"}).status_code == 200
        arrived = client.get("/?token=open-sesame")
        assert arrived.status_code == 200
        assert "token" not in str(arrived.url)
        assert client.get("/api/studio").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/jobs/1/files/mesh.glb"),
        ("GET", "/api/jobs/1/exports/mesh.glb"),
        ("GET", "/api/images/1/cutout"),
        ("GET", "/share/key"),
        ("GET", "/static/app.js"),
        ("POST", "/api/images"),
        ("POST", "/api/words"),
        ("POST", "/api/jobs/1/stop"),
        ("DELETE", "/api/jobs/1"),
    ],
)
def test_no_door_opens_without_the_token(serve, method, path):
    with serve("http://127.0.0.1", token="open-sesame") as client:
        assert client.request(method, path).status_code == 401
        assert client.request(method, path, headers={"Authorization": "Bearer wrong-one"}).status_code == 401
        assert client.request(method, path, headers={"Authorization": "Bearer open-sesame"}).status_code != 401


def test_the_live_connection_needs_the_token_and_the_right_origin(serve):
    with serve("http://127.0.0.1", token="open-sesame") as client:
        for address in ("ws://127.0.0.1/live", "ws://127.0.0.1/live?token=open-sesame"):
            with pytest.raises(WebSocketDisconnect), client.websocket_connect(address):
                pass
        client.get("/?token=open-sesame")
        with client.websocket_connect("ws://127.0.0.1/live") as socket:
            socket.send_json({"ping": 1})
            assert b"pong" in socket.receive_bytes()
        evil = {"Origin": "http://evil.example"}
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://127.0.0.1/live", headers=evil):
            pass


def test_the_view_of_files_is_locked_as_the_studio_is():
    with TestClient(view_app([], StudioSettings(token="open-sesame")), base_url="http://127.0.0.1") as client:
        assert client.get("/layers/0").status_code == 401
        assert client.get("/?token=open-sesame").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "studio.example"])
def test_a_host_that_others_reach_is_warned_of_and_gets_a_token(caplog, host):
    settings = with_token(StudioSettings(host=host))
    assert settings.token is not None
    assert len(settings.token) > 20
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "THE STUDIO IS OPEN TO THE NETWORK" in record.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]"])
def test_this_machine_alone_needs_neither(caplog, host):
    assert with_token(StudioSettings(host=host)).token is None
    assert not caplog.records
    assert StudioSettings().host == "127.0.0.1"


def test_the_server_has_nothing_that_could_decode_an_image():
    found = "import sys, dreamgaussian.studio.server.app; print({'PIL', 'torch', 'numpy'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", found], capture_output=True, text=True).stdout == "set()\n"
