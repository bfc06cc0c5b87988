"""The pages of a dialect, made from its table: an OpenAPI 3.1 document, and the same for people."""

import html
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from postroom.dialects.operation import Application, Dialect, Operation, Parameter
from postroom.dialects.request import Request
from postroom.errors import Kind, PostroomError
from postroom.services.house import Services

Document = dict[str, Any]

_REF = "#/components/schemas/{name}"
_ID = Parameter(
    name="Idempotency-Key",
    place="header",
    summary="Do it once: the same key with the same request hears the first answer again.",
)
_REASONS = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict: the same Idempotency-Key is in flight",
    413: "Content too large",
    415: "Unsupported media type",
    422: "Unprocessable, or an Idempotency-Key that came with another request",
    429: "Too many requests",
    500: "Internal server error",
    501: "Not implemented",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}


def served(dialect: Dialect, services: Services, body_limit_bytes: int) -> Application:
    """The dialect with its pages `openapi.json` and `docs`."""
    made: dict[bytes, tuple[bytes, bytes]] = {}

    def pages(name: bytes) -> tuple[bytes, bytes] | None:
        # Made when they are first asked for: most servers that start are never asked.
        if not made and name in (b"openapi.json", b"docs"):
            whole = document(dialect)
            made[b"openapi.json"] = (b"application/json", msgspec.json.encode(whole))
            made[b"docs"] = (b"text/html; charset=utf-8", page(dialect, whole).encode())
        return made.get(name)

    return Application(dialect, services, body_limit_bytes, pages)


def document(dialect: Dialect) -> Document:
    """OpenAPI 3.1. Paths stand under the first prefix; the description names the others."""
    schemas = _Schemas(dialect)
    paths: dict[str, dict[str, Any]] = {}
    for operation in dialect.operations:
        path = dialect.prefixes[0] + operation.path
        paths.setdefault(path, {})[operation.method.lower()] = _operation(dialect, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": dialect.title, "version": "1", "description": dialect.docs},
        "servers": [{"url": dialect.base}],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": dict(dialect.security)},
    }


def failures(dialect: Dialect, operation: Operation) -> dict[int, list[str]]:
    """The statuses that this operation may answer with a failure, each with the sentences or types behind it.

    Sentences that say what was wrong with this one request are not among them.
    """
    request = Request({"type": "http", "method": operation.method, "path": "/", "headers": []})
    request.begun = True
    found: dict[int, list[str]] = {status: [] for status in sorted(operation.statuses)}
    for error in every_error():
        answer = dialect.failure(error, operation, request)
        words = found.setdefault(answer.status, [])
        # Under another status than its own: the operation has no such failure.
        foreign = not dialect.lists_nearest and dialect.failure(error, None, request).status != answer.status
        body = msgspec.json.decode(answer.body)
        word = body.get("type") or body.get("code") or body.get("error")
        if foreign or operation.name not in dialect.only.get(error.kind, {operation.name}) or word == error.detail:
            continue
        # What may be done again is, after it was cut off.
        if error.kind is Kind.CUT_OFF and operation.method != "POST":
            continue
        if word not in words:
            words.append(word)
    return found


@cache
def every_error() -> list[PostroomError]:
    """One of each class with each code that it may carry, and with each kind of thing that it may be about."""
    classes = _classes(PostroomError)
    coded = [each(code=code) for each in classes for code in each.codes]
    return coded + [each(kind=kind) for each in classes for kind in Kind if kind not in (Kind.ROUTE, Kind.METHOD)]


def _classes(kind: type[PostroomError]) -> list[type[PostroomError]]:
    below = [each for each in kind.__subclasses__() if each.__module__ == kind.__module__]
    return [kind, *(each for child in below for each in _classes(child))]


class _Schemas:
    """Every type that the table names, as a schema."""

    def __init__(self, dialect: Dialect) -> None:
        types = [dialect.failure_type]
        for operation in dialect.operations:
            types += [
                operation.answer,
                *operation.also,
                _body_type(operation),
                *(each.kind for each in operation.parameters),
            ]
        self._types = [each for each in types if each is not None]
        schemas, self.components = msgspec.json.schema_components(self._types, ref_template=_REF)
        self._schemas = list(schemas)
        self.failures: dict[Any, dict[int, list[str]]] = {}
        """Those that were worked out already."""

    def of(self, kind: Any) -> Any:
        return self._schemas[self._types.index(kind)]


def _body_type(operation: Operation) -> Any:
    return operation.body if operation.body_docs is None else operation.body_docs


def _operation(dialect: Dialect, operation: Operation, schemas: _Schemas) -> Document:
    keyed = operation.scope is not None
    extra = (*(dialect.headers if keyed else ()), *([_ID] if operation.mutates and keyed else []))
    parameters: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        | {"description": operation.path_values.get(name, "")}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    for each in (*operation.parameters, *extra):
        schema = schemas.of(each.kind) if each in operation.parameters else {"type": "string"}
        parameters.append(
            {"name": each.name, "in": each.place, "required": each.required, "schema": schema}
            | {"description": each.summary}
        )
    made: Document = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.docs,
        "parameters": parameters,
        "responses": _responses(dialect, operation, schemas),
        "security": [{name: []} for name in dialect.security] if keyed else [],
    }
    body = _body_type(operation)
    if body is not None:
        content = {"application/json": {"schema": schemas.of(body)}}
        if body is bytes:
            content = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
        if operation.form:
            content["multipart/form-data"] = {"schema": schemas.of(body)}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _responses(dialect: Dialect, operation: Operation, schemas: _Schemas) -> Document:
    right = {"description": "Done", "content": {"application/json": {"schema": schemas.of(operation.answer)}}}
    if operation.answer is str:
        right["content"] = {"text/plain": {"schema": {"type": "string"}}}
    if operation.answer is bytes:
        right["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    responses: Document = {str(operation.status): right}
    for status in operation.also.values():
        either = [
            schemas.of(each) for each in (operation.answer, *operation.also) if _status(operation, each) == status
        ]
        schema = either[0] if len(either) == 1 else {"anyOf": either}
        responses[str(status)] = {
            "description": "Done, or on its way",
            "content": {"application/json": {"schema": schema}},
        }
    request = Request({"type": "http", "method": operation.method, "path": "/", "headers": []})
    media_type = dialect.failure(PostroomError(), operation, request).content_type.decode()
    # Operations that one function answers, and that list the same, fail in the same ways.
    alike = (operation.handler, operation.statuses, operation.name if dialect.only else "")
    found = schemas.failures.get(alike) or failures(dialect, operation)
    schemas.failures[alike] = found
    for status, words in sorted(found.items()):
        listed = "; ".join(str(word).removeprefix("urn:postroom:error:") for word in words)
        responses[str(status)] = {
            "description": _REASONS.get(status, "Failure") + (f": {listed}" if listed else ""),
            "content": {media_type: {"schema": schemas.of(dialect.failure_type)}},
        }
    return responses


def _status(operation: Operation, kind: Any) -> int:
    return operation.status if kind is operation.answer else operation.also[kind]


def page(dialect: Dialect, made: Document) -> str:
    """One page that loads nothing, readable in light and dark."""
    schemas = made["components"]["schemas"]
    sections, contents = [], []
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            name = _e(operation["operationId"])
            contents.append(f'<li><a href="#{name}"><b>{_e(method.upper())}</b> {_e(path)}</a></li>')
            sections.append(_section(dialect.base, path, method.upper(), operation))
    objects = "".join(
        f'<details id="schema-{_e(name)}"><summary>{_e(name)}</summary><pre>{_pretty(schema)}</pre></details>'
        for name, schema in sorted(schemas.items())
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_e(dialect.title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{_e(dialect.title)}</h1>{_paragraphs(dialect.docs)}"
        f'<p>For programs: <a href="openapi.json">openapi.json</a></p>'
        f"<nav><ul>{''.join(contents)}</ul></nav>{''.join(sections)}<h2>Objects</h2>{objects}</main></body></html>"
    )


def _section(base: str, path: str, method: str, operation: Mapping[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{_e(each['name'])}</code></td><td>{_e(each['in'])}</td>"
        f"<td>{'required' if each['required'] else ''}</td><td>{_prose(each.get('description', ''))}</td></tr>"
        for each in operation["parameters"]
    )
    body = operation.get("requestBody")
    answers = "".join(
        f"<tr><td>{_e(status)}</td><td>{_e(answer['description'])}</td><td>{_link(answer)}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f'<section id="{_e(operation["operationId"])}"><h2><b>{_e(method)}</b> {_e(base + path)}</h2>'
        f"<p>{_prose(operation['summary'])}</p>{_paragraphs(operation['description'])}"
        + (f"<h3>Parameters</h3><table>{parameters}</table>" if parameters else "")
        + (f"<h3>Body</h3><p>{_link(body)}</p>" if body else "")
        + f"<h3>Answers</h3><table>{answers}</table></section>"
    )


def _link(holder: Mapping[str, Any]) -> str:
    (schema, *_) = [content["schema"] for content in holder["content"].values()]
    inner = schema.get("items", schema)
    if "$ref" not in inner:
        return f"<code>{_e(str(inner.get('type', 'any')))}</code>"
    name = inner["$ref"].rsplit("/", 1)[1]
    return f'<a href="#schema-{_e(name)}">{_e(name)}</a>'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_prose(each)}</p>" for each in text.split("\n\n") if each.strip())


def _pretty(schema: Any) -> str:
    return _e(msgspec.json.format(msgspec.json.encode(schema), indent=2).decode())


def _e(text: str) -> str:
    return html.escape(text)


def _prose(text: str) -> str:
    """Escaped, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _e(text))


_STYLE = """
:root{color-scheme:light dark;--ink:#1c2024;--soft:#667;--line:#d9dde3;--back:#fff;--mark:#0b62b8}
@media(prefers-color-scheme:dark){:root{--ink:#e4e7eb;--soft:#9aa3ad;--line:#343b44;--back:#14181d;--mark:#7db8f5}}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.55 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:62rem;margin:0 auto;padding:2rem 1.2rem 6rem}
h1{font-size:1.9rem}h2{font-size:1.15rem;margin-top:3rem;border-top:1px solid var(--line);padding-top:1.5rem}
h2,code,pre,nav{font-family:ui-monospace,monospace}h3{font-size:.95rem;color:var(--soft)}
b{color:var(--mark)}a{color:var(--mark)}nav ul{list-style:none;padding:0}nav a{text-decoration:none}
table{border-collapse:collapse;width:100%}td{border-top:1px solid var(--line);padding:.35rem .6rem .35rem 0}
td{vertical-align:top}pre{white-space:pre-wrap;font-size:.85rem}
@media(min-width:40rem){td:first-child{white-space:nowrap}}
details{border-top:1px solid var(--line);padding:.4rem 0}summary{cursor:pointer;font-family:ui-monospace,monospace}
"""
