"""Every dialect fuzzed from its own OpenAPI page: no answer that the page does not declare, and no bug of ours.

The requests are schemathesis's, right and wrong ones, with a few real ids among those that it invents.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import jsonschema
import pytest
import schemathesis
import schemathesis.generation
from hypothesis import strategies as st

from tests.servers import Server, running_server
from tests.size import size

pytestmark = pytest.mark.slow

DIALECTS = ("postpress", "connectsafely", "postpost", "native")

_WAITED_FOR = ("typing_duration", "typing_seconds")

# What would end the fuzzing for those after it: the account goes, or the key.
LAST = {"delete_account", "unlink_account", "revoke_key"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("fuzz") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def real(server: Server) -> dict[str, list[str]]:
    """A few ids that exist."""
    with httpx.Client(headers={"X-API-KEY": server.line["key"]}, timeout=30) as http:
        postpress, postpost = server.line["postpress"], server.line["postpost"]
        account = http.get(f"{postpress}/v1/accounts").json()["items"][0]
        chat = http.get(f"{postpress}/v1/chats").json()["items"][0]
        message = http.get(f"{postpress}/v1/messages").json()["items"][0]
        body = {"content": "Mine", "platforms": ["bluesky-x"]}
        group = http.post(f"{postpost}/api/v1/create-post", json=body).json()["postGroupId"]
    urn = (
        f"urn:li:msg_conversation:(urn:li:fsd_profile:{account['connection_params']['im']['id']},{chat['provider_id']})"
    )
    return {
        "message_id": [message["id"]],
        "chat_id": [chat["id"], chat["provider_id"]],
        "account_id": [account["id"]],
        "accountId": [account["id"]],
        "postGroupId": [group],
        "conversationUrn": [urn, chat["provider_id"]],
        "messageUrn": [message["provider_id"]],
        "id": [account["id"]],
    }


def operations(server: Server, dialect: str) -> tuple[Any, list[Any]]:
    page = httpx.get(f"{server.line[dialect]}/openapi.json", timeout=30).json()
    schema = schemathesis.openapi.from_dict(page)
    found: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    # Those that only say that they are not here are one operation at many paths.
    outside = [each for each in found if not any(status.startswith("2") for status in each.definition.raw["responses"])]
    found = [each for each in found if each not in outside[1:]]
    return page, sorted(found, key=lambda each: each.definition.raw["operationId"] in LAST)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_request_gets_an_answer_that_is_not_on_the_page(
    server: Server, real: dict[str, list[str]], dialect: str
) -> None:
    page, found = operations(server, dialect)
    assert len(found) >= 5
    with httpx.Client(timeout=30) as http:
        for operation in found:
            fuzz(http, server, dialect, page, operation, real)
    assert httpx.get(f"{server.line['native']}/health").json()["status"] == "ok"
    assert not [line for line in server.errors if "request.broken" in line or "Traceback" in line]


def fuzz(
    http: httpx.Client, server: Server, dialect: str, page: Any, operation: Any, real: dict[str, list[str]]
) -> None:
    key = server.line["key"]
    declared = operation.definition.raw["responses"]
    wrong: list[str] = []

    modes = [schemathesis.generation.GenerationMode.POSITIVE, schemathesis.generation.GenerationMode.NEGATIVE]
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))
    destroys = operation.definition.raw["operationId"] in LAST

    # What is outside answers the same to everything.
    outside = "501" in declared and not any(status.startswith("2") for status in declared)

    @hypothesis.settings(
        max_examples=2 if outside else size.fuzz_examples, deadline=None, database=None, derandomize=size.name == "small",
        suppress_health_check=list(hypothesis.HealthCheck), phases=[hypothesis.Phase.generate],
    )  # fmt: skip
    @hypothesis.given(case=cases, lucky=st.randoms(use_true_random=False))
    def one(case: Any, lucky: Any) -> None:
        for name in case.path_parameters or {}:
            if name in real and not destroys and lucky.random() < 0.5:
                case.path_parameters[name] = lucky.choice(real[name])
        for name in case.query or {}:
            if name in real and lucky.random() < 0.5:
                case.query[name] = lucky.choice(real[name])
        if case.query and "wait_seconds" in case.query:
            case.query.pop("wait_seconds")
        if isinstance(case.body, dict):
            # They are waited for.
            case.body = {name: value for name, value in case.body.items() if name not in _WAITED_FOR}
        case.headers = {**(case.headers or {}), "X-API-KEY": key, "Authorization": f"Bearer {key}"}
        try:
            sent = case.as_transport_kwargs(base_url=server.line[dialect])
            request = requests_of(sent)
        except (ValueError, UnicodeError):
            hypothesis.reject()
        answer = http.send(request)
        if problem := judge(dialect, page, declared, answer):
            wrong.append(f"{request.method} {request.url} -> {answer.status_code} {answer.text[:200]}: {problem}")

    one()
    assert wrong == [], operation.label


def requests_of(sent: dict[str, Any]) -> httpx.Request:
    """What schemathesis would give to `requests`, prepared there and sent by the client that all tests use."""
    import requests

    sent = {
        name: value for name, value in sent.items() if name in requests.Request().__dict__ or name in ("json", "params")
    }
    prepared = requests.Request(**sent).prepare()
    body = prepared.body if prepared.body is None or isinstance(prepared.body, bytes) else str(prepared.body).encode()
    headers = {str(name): str(value) for name, value in prepared.headers.items() if name.lower() != "cookie"}
    return httpx.Request(str(prepared.method), str(prepared.url), headers=headers, content=body)


def judge(dialect: str, page: Any, declared: Any, answer: httpx.Response) -> str | None:
    """What is wrong with an answer, if anything."""
    if answer.text in ("Invalid HTTP request received.", "") and answer.status_code in (400, 204):
        return None
    status = str(answer.status_code)
    if answer.status_code in (404, 405) and status not in declared:
        return None if "error" in answer.text or "status" in answer.text else "no failure of the dialect"
    if status not in declared:
        return "the page does not declare this status"
    if answer.status_code >= 500 and answer.status_code != 501:
        malformed = dialect == "postpost" and re.fullmatch(r'\{"error":"Failed to [a-zA-Z ]+"\}', answer.text)
        if not malformed:
            return "a failure of ours"
    if answer.request.method == "HEAD":
        return None
    (content,) = list(declared[status]["content"].items())[:1]
    kind, schema = content[0], content[1]["schema"]
    if kind != "*/*" and not answer.headers["content-type"].startswith(kind):
        return f"it is no {kind}"
    if kind in ("text/plain", "*/*"):
        return None
    with contextlib.suppress(StopIteration):
        error = next(
            jsonschema.Draft202012Validator({**schema, "components": page["components"]}).iter_errors(answer.json())
        )
        return f"not as declared: {error.message[:200]} at {list(error.absolute_path)}"
    return None


def test_the_fuzzer_would_see_an_answer_that_is_not_declared(server: Server, tmp_path: Path) -> None:
    page, _ = operations(server, "postpress")
    declared = page["paths"]["/v1/messages/{message_id}"]["get"]["responses"]
    request = httpx.Request("GET", "http://127.0.0.1/")
    teapot = httpx.Response(418, json={"error": "x"}, request=request)
    assert judge("postpress", page, declared, teapot) == "the page does not declare this status"
    empty = httpx.Response(200, json={"object": "Message"}, request=request)
    assert "not as declared" in (judge("postpress", page, declared, empty) or "")
