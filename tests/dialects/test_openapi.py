"""The pages made from the tables: a valid OpenAPI document that lists everything, and a page that loads nothing."""

import re
from typing import Any

import jsonschema
import pytest
import schemathesis

from postroom.dialects.native.operations import DIALECT as NATIVE
from postroom.dialects.openapi import document, failures, page
from postroom.dialects.operation import Dialect
from postroom.dialects.postpost.operations import DIALECT as POSTPOST
from tests.dialects.tables import DIALECTS

BY_NAME = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(each) for each in value.values()))
    return set().union(*(references(each) for each in value)) if isinstance(value, list) else set()


@BY_NAME
def test_every_operation_is_listed_with_its_answer_its_failures_and_its_key(dialect: Dialect) -> None:
    made = document(dialect)
    for operation in dialect.operations:
        listed = made["paths"][dialect.prefixes[0] + operation.path][operation.method.lower()]
        assert listed["operationId"] == operation.name
        assert {*map(str, (operation.status, *operation.also.values(), *operation.statuses))} == set(
            listed["responses"]
        )
        assert bool(listed["security"]) == (operation.scope is not None)
        assert ("requestBody" in listed) == (operation.body is not None)


@BY_NAME
def test_the_document_is_openapi_that_a_client_generator_can_read(dialect: Dialect) -> None:
    made = document(dialect)
    operations = list(schemathesis.openapi.from_dict(made).get_all_operations())
    assert len(operations) == len(dialect.operations)
    assert all(type(each).__name__ == "Ok" for each in operations)
    for schema in made["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    known = {f"#/components/schemas/{name}" for name in made["components"]["schemas"]}
    assert references(made) <= known


@BY_NAME
def test_the_page_shows_every_operation_and_loads_nothing_from_elsewhere(dialect: Dialect) -> None:
    shown = page(dialect, document(dialect))
    for operation in dialect.operations:
        assert f'id="{operation.name}"' in shown
    assert not re.search(r"<(script|link|img|iframe|object|embed|video|audio|source|base)\b", shown)
    assert not re.search(r"url\(|@import|srcset|\bsrc=", shown)
    assert [link for link in re.findall(r'href="([^"]*)"', shown) if not link.startswith(("#", "openapi.json"))] == []


@BY_NAME
def test_the_links_of_the_page_lead_somewhere(dialect: Dialect) -> None:
    shown = page(dialect, document(dialect))
    targets = set(re.findall(r'id="([^"]*)"', shown))
    assert set(re.findall(r'href="#([^"]*)"', shown)) <= targets


def test_a_page_lists_the_failures_that_its_operation_has_and_no_others() -> None:
    listed = {each.name: failures(POSTPOST, each) for each in POSTPOST.operations}
    assert {status: words for status, words in listed["delete_post"].items() if words} == {
        401: ["Invalid API key", "API key is required", "Invalid API key owner"],
        403: [
            "API access is not enabled for this account",
            "MCP access is not enabled for this account",
            "Workspace access is not enabled for this key",
            "User is not managed by key",
        ],
        404: ["Post group not found"],
        409: ["IDEMPOTENCY_IN_FLIGHT"],
        422: ["IDEMPOTENCY_KEY_CONFLICT"],
        500: ["Failed to delete post group"],
    }
    assert listed["create_post"][409] == ["IDEMPOTENCY_IN_FLIGHT", "IDEMPOTENCY_OUTCOME_UNKNOWN"]
    assert listed["delete_webhook"][404] == ["Webhook not found"]
    of_events, of_keys = (
        failures(NATIVE, next(each for each in NATIVE.operations if each.name == name))
        for name in ("list_events", "list_keys")
    )
    assert of_events[410] == ["urn:postroom:error:cursor_too_old"]
    assert of_keys[401] == ["urn:postroom:error:invalid_credentials", "urn:postroom:error:missing_credentials"]
