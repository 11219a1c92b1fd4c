"""The real server: what is answered on the event loop is what Django would answer, and every place is given once."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings

from tests.shop import Shop

URL = "/api/v1/reservations/"
Answer = tuple[int, dict[str, str], bytes]


def send(shop: Shop, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(shop.url).netloc, timeout=30)
    try:
        text = json.dumps(body) if isinstance(body, dict) else body
        connection.request(method, path, text, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def secret(shop: Shop) -> str:
    command = [sys.executable, "manage.py", "create_api_key", "Carrier", "--scopes"]
    command += ["reservations:read", "reservations:write"]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=shop.environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[-1]


def body(shop: Shop, email: str, **changes: Any) -> dict[str, Any]:
    _, _, found = send(shop, "GET", "/api/v1/products/glasses-s1/availability/?market=DE")
    consents = [
        {"id": each["id"], "version": each["version"]}
        for each in json.loads(found)["results"][0]["notices"]
        if each["consent"]
    ]
    fields = {"market": "DE", "language": "en", "email": email, "name": "Ada L.", "consents": consents}
    return fields | {"lines": [{"sku": "S1-BLK", "quantity": 1}]} | changes


def post(shop: Shop, secret: str, sent: Any, **headers: str) -> Answer:
    usual = {"Authorization": f"Bearer {secret}", "Content_Type": "application/json"}
    return send(shop, "POST", URL, sent, **{**usual, "Idempotency_Key": str(uuid.uuid4()), **headers})


def test_a_reservation_is_made_once_however_often_it_is_sent(shop: Shop, secret: str) -> None:
    sent = body(shop, "ada@customers.example")
    first, again = (post(shop, secret, sent, Idempotency_Key="one") for _ in range(2))
    assert (first[0], again[0]) == (201, 201) and json.loads(first[2]) == json.loads(again[2])
    assert "idempotent-replayed" not in first[1] and again[1]["idempotent-replayed"] == "true"
    assert first[1]["x-content-type-options"] == "nosniff" and first[1]["referrer-policy"] == "same-origin"
    row = json.loads(first[2])
    found = send(shop, "GET", f"{URL}{row['id']}/", Authorization=f"Bearer {secret}")
    assert found[0] == 200 and json.loads(found[2])["reference"] == row["reference"]


def test_parameters_of_the_media_type_and_a_body_in_chunks_change_nothing(shop: Shop, secret: str) -> None:
    sent = body(shop, "charset@customers.example")
    assert post(shop, secret, sent, Content_Type="Application/JSON; charset=utf-8")[0] == 201
    whole = json.dumps(body(shop, "chunks@customers.example")).encode()
    assert post(shop, secret, iter(whole[at : at + 50] for at in range(0, len(whole), 50)))[0] == 201


def test_what_comes_at_once_gets_places_of_its_own(shop: Shop, secret: str) -> None:
    sent = [body(shop, f"customer{number}@customers.example") for number in range(50)]
    with ThreadPoolExecutor(25) as crowd:
        answers = list(crowd.map(lambda each: post(shop, secret, each), sent))
    assert {answer[0] for answer in answers} == {201}
    assert len({json.loads(answer[2])["place"]["number"] for answer in answers}) == 50


def test_a_connection_that_the_database_closed_costs_nobody_a_place(shop: Shop, secret: str) -> None:
    sent = [body(shop, f"lost{number}@customers.example") for number in range(2)]
    assert post(shop, secret, sent[0])[0] == 201
    with psycopg.connect(shop.environment["DATABASE_URL"], autocommit=True) as admin:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
        assert admin.execute(others + "pid <> pg_backend_pid() AND backend_type = 'client backend'").fetchall()
    assert post(shop, secret, sent[1])[0] == 201


def test_who_leaves_in_the_middle_of_a_request_reserves_nothing(shop: Shop, secret: str) -> None:
    sent, name = json.dumps(body(shop, "gone@customers.example")).encode(), str(uuid.uuid4())
    for said, length in ((sent[:-1], len(sent)), (sent, len(sent) + 1)):
        head = (
            f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\nIdempotency-Key: {name}\r\n"
        )
        head += f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        with socket.create_connection(("localhost", urlsplit(shop.url).port or 80)) as client:
            client.sendall(head.encode() + said)
    found = post(shop, secret, sent, Idempotency_Key=name)
    assert found[0] == 201 and "idempotent-replayed" not in found[1]


@pytest.mark.parametrize(
    ("sent", "headers", "status", "code"),
    [
        ({}, {"Authorization": "Bearer rsv_live_none"}, 401, "not_authenticated"),
        ({}, {"Authorization": ""}, 401, "not_authenticated"),
        ("{", {}, 400, "malformed"),
        ({}, {}, 422, "invalid"),
        ({}, {"Content_Type": "text/plain"}, 415, "unsupported_media_type"),
        (None, {"Idempotency_Key": ""}, 400, "idempotency_key_required"),
        ("x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1), {}, 413, "too_large"),
    ],
)
def test_a_refusal_names_its_problem(
    shop: Shop, secret: str, sent: Any, headers: dict[str, str], status: int, code: str
) -> None:
    wanted = body(shop, "eve@customers.example") if sent is None else sent
    answer = post(shop, secret, wanted, **headers)
    assert (answer[0], json.loads(answer[2])["code"]) == (status, code)
    assert answer[1]["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/en-de/", "/api/v1/products/", "/en-de/availability/"])
def test_what_is_kept_answers_get_head_and_conditions(shop: Shop, path: str) -> None:
    status, headers, text = send(shop, "GET", path)
    assert status == 200 and text
    assert send(shop, "GET", path, If_None_Match=headers["etag"])[::2] == (304, b"")
    assert send(shop, "HEAD", path)[::2] == (200, b"")
