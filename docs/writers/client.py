"""The page of the Python client, from its own code: what a client has, what it answers with, what it raises."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

import postroom_client
from postroom_client import errors
from postroom_client.nouns import Noun, _Described, _One, _Pages

INTRODUCTION = """# The Python client

`postroom_client` comes with Postroom, and needs httpx and msgspec of it. `Client` blocks, `AsyncClient` is awaited; they have
the same methods. Without arguments they take the server and its key from the environment. For the sandbox of `make run`:

```sh
kept() { python3 -c "import json; print(json.load(open('.data/sandbox/sandbox.json'))['$1'])"; }
export POSTROOM_SERVER=$(kept server)
export POSTROOM_KEY=$(kept key)
```

```python
from postroom_client import Client

with Client() as postroom:
    for account in postroom.accounts.list():
        print(account.provider, account.name)
    chat = next(iter(postroom.chats.list(provider="linkedin")))
    sent = postroom.chats.send(chat.id, "On my way")
    postroom.messages.delete(sent.message_id)
```

**Lists** are gone through, page after page as it is needed: `for` in one client, `async for` in the other. `.page(cursor)` is
one page, with the `cursor` of the next.

```python
import asyncio

from postroom_client import AsyncClient


async def main():
    async with AsyncClient() as postroom:
        async for chat in postroom.chats.list():
            print(chat.name, chat.last_message_at)


asyncio.run(main())
```

**Again.** A call that reads is made again when its answer is lost; so is one of which the server says that nothing was done,
when it says so. A call that changes something carries an Idempotency-Key, under which the server does it once however often it
is sent. `postroom.once("order-17")` takes a key of yours for the next call, which holds through a restart of your program.

**Events** come as they happen, from a position on, through lost connections and restarts. What you keep is the position.

```python
from postroom_client import Client

with Client() as postroom:
    for event in postroom.events.follow(after=0, types=["message.deleted"]):
        print(event.position, event.type, event.message.id)
        break
```

**Errors** are classes, and `in_doubt` says whether what was asked may have been done all the same.

```python
from postroom_client import Client, NotFound, PostroomError

with Client() as postroom:
    try:
        postroom.messages.delete("msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR")
    except NotFound as error:
        print(error.code, error.detail)
    except PostroomError as error:
        print("it may have been done:" if error.in_doubt else "it was not done:", error)
```

Whole programs are in [examples](../../examples/README.md).
"""


def page(source: Path) -> str:
    """The whole page; `source` is the package's folder."""
    client = postroom_client.Client("http://127.0.0.1:1")
    nouns = {name: each for name, each in vars(client).items() if isinstance(each, Noun)}
    lines = [INTRODUCTION, "## Clients", ""]
    lines += [f"`Client{_signature(postroom_client.Client.__init__)}`", "", _prose(postroom_client.Client), ""]
    for name in ("request", "once", "with_options", "close"):
        lines += [*_method(name, getattr(postroom_client.Client, name), ""), ""]
    lines += ["## Operations", ""]
    for name, noun in nouns.items():
        lines += [f"### {name}", "", _prose(type(noun)), ""]
        for each, described in vars(type(noun)).items():
            if isinstance(described, _Described):
                lines += [*_method(f"{name}.{each}", described.build, _answer(described)), ""]
    lines += ["## Objects", "", *_objects(source), *_errors()]
    return "\n".join(lines).rstrip() + "\n"


def _method(name: str, function: Any, answer: str) -> list[str]:
    return [f"**`{name}{_signature(function)}`**{answer}", "", _prose(function)]


def _signature(function: Any) -> str:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    shown: list[str] = []
    for each in parameters:
        if each.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in shown:
            shown.append("*")
        prefix = "**" if each.kind is inspect.Parameter.VAR_KEYWORD else ""
        default = "" if each.default is inspect.Parameter.empty else f"={_default(each.default)}"
        shown.append(f"{prefix}{each.name}{default}")
    return f"({', '.join(shown)})"


def _default(value: Any) -> str:
    return "..." if value is msgspec.UNSET or value is Any else repr(value)


def _answer(described: Any) -> str:
    """What a method answers with, from its annotation."""
    annotation = str(inspect.signature(described.build).return_annotation)
    inner = re.findall(r"[\w.]+", annotation)[-1].rpartition(".")[2]
    if isinstance(described, _Pages):
        return f" → many `{inner}`"
    if isinstance(described, _One):
        return f" → `{inner}`"
    return " → `Event` after `Event`"


def _objects(source: Path) -> Iterator[str]:
    for file in sorted((source / "types").glob("[a-z]*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef):
                yield from _object(node)


def _object(node: ast.ClassDef) -> Iterator[str]:
    yield from (
        f"### {node.name}",
        "",
        _joined(ast.get_docstring(node) or ""),
        "",
        "| field | type | |",
        "|---|---|---|",
    )
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            words = ""
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                words = " ".join(str(after.value.value).split()).replace("|", "\\|")
            kind = ast.unparse(field.annotation).replace("|", "\\|")
            yield f"| `{field.target.id}` | `{kind}` | {words} |"
        elif isinstance(field, ast.FunctionDef):
            yield f"| `{field.name}` | `{ast.unparse(field.returns or ast.Constant(None))}` | {ast.get_docstring(field)} |"
    yield ""


def _errors() -> Iterator[str]:
    """The tree of errors: what each means, and the server's codes for it."""
    yield from ("## Errors", "", "| class | is a | what it means | codes |", "|---|---|---|---|")
    for each in vars(errors).values():
        if inspect.isclass(each) and issubclass(each, errors.PostroomError):
            codes = ", ".join(f"`{code}`" for code, kind in errors.BY_CODE.items() if kind is each)
            words = _joined(inspect.getdoc(each) or "").replace("|", "\\|")
            yield f"| `{each.__name__}` | `{each.__base__.__name__}` | {words} | {codes} |"
    yield from (
        "",
        "`invalid_parameters` with status 409 or 422 is a `Conflict`, `provider_error` with 502 a `ProviderDown`, and",
    )
    yield "`invalid_credentials` with 409 or 422 a `LoginFailed`: the same word is about something else there."


def _prose(thing: Any) -> str:
    """Its docstring, without samples of code: those of this page are above, and are run."""
    paragraphs = []
    for text in (inspect.getdoc(thing) or "").split("\n\n"):
        if text.startswith("    "):
            continue
        if text.startswith("Raises:"):
            raised = " ".join(text.split()[1:])
            paragraphs.append(f"Raises: {raised}")
        else:
            paragraphs.append(_joined(text))
    return "\n\n".join(paragraphs)


def _joined(text: str) -> str:
    return " ".join(text.split())
