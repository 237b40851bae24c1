"""Who gets in."""

import dataclasses

import pytest
from starlette.testclient import TestClient

from dreamgaussian.studio.app import studio_app


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


def test_with_a_token_nobody_else_gets_in(settings):
    app = studio_app(dataclasses.replace(settings, host="0.0.0.0", token="open-sesame"))
    with TestClient(app, base_url="http://studio.example") as client:
        assert client.get("/").status_code == 401
        assert client.get("/?token=wrong-one").status_code == 401
        assert client.get("/api/studio", headers={"Authorization": "Bearer open-sesame"}).status_code == 200
        arrived = client.get("/?token=open-sesame")
        assert arrived.status_code == 200
        assert "token" not in str(arrived.url)
        assert client.get("/api/studio").status_code == 200
