"""A page for each API that we speak, from its table of operations."""

import re
from collections.abc import Mapping
from typing import Any

from postroom.dialects.openapi import document
from postroom.dialects.operation import Dialect, Operation

Json = dict[str, Any]


def page(dialect: Dialect) -> str:
    """Every operation with what it takes and answers, and the objects on the wire."""
    made = document(dialect)
    here = [each for each in dialect.operations if each.status != 501]
    elsewhere = [each for each in dialect.operations if each.status == 501]
    lines = [
        f"# {_title(dialect)}",
        "",
        f"Mounted at `{dialect.base}`. A running server has this page at `{dialect.base}/docs`,",
    ]
    lines += [f"and for programs at `{dialect.base}/openapi.json`.", "", _prose(dialect.docs), ""]
    if len(dialect.prefixes) > 1:
        prefixes = ", ".join(f"`{dialect.base}{each}`" for each in dialect.prefixes)
        lines += [f"Paths begin with {prefixes}: all are the same.", ""]
    if any(each.mutates for each in here):
        lines += [
            "Every operation that changes something takes an `Idempotency-Key`: the same key with the same request hears"
        ]
        lines += ["the first answer again. What failures mean is in [errors](errors.md).", ""]
    lines += ["| operation | |", "|---|---|"]
    lines += [f"| [`{each.method} {each.path}`](#{each.name}) | {_cell(each.summary)} |" for each in here]
    for each in here:
        lines += ["", *_operation(dialect, each, made["paths"][dialect.prefixes[0] + each.path][each.method.lower()])]
    if elsewhere:
        lines += ["", "## Not here", "", "These answer 501 at their own path, in the words of this API.", ""]
        lines += [f"- `{each.method} {each.path}`" for each in elsewhere]
    lines += ["", "## Objects", "", "A name with `?` may be absent.", ""]
    for name, schema in sorted(made["components"]["schemas"].items()):
        lines += _object(name, schema)
    return "\n".join(lines).rstrip() + "\n"


def _title(dialect: Dialect) -> str:
    vendor = dialect.title.rpartition(" as ")[2]
    return f"{vendor}'s API" if vendor != dialect.title else "Our own API"


def _operation(dialect: Dialect, operation: Operation, made: Json) -> list[str]:
    path = f"{dialect.base}{dialect.prefixes[0]}{operation.path}"
    lines = [f"## {operation.name}", "", f"`{operation.method} {path}`", "", _prose(operation.summary)]
    if operation.docs:
        lines += ["", _prose(operation.docs)]
    if operation.scope is not None:
        lines += ["", f"Needs a key with the scope `{operation.scope}`."]
    else:
        lines += ["", "Needs no key."]
    own = [each for each in made["parameters"] if each["name"] not in _common(dialect)]
    if own:
        lines += ["", "| parameter | in | |", "|---|---|---|"]
        for each in own:
            words = _cell(each.get("description", "")) + (
                " Required." if each["required"] and each["in"] != "path" else ""
            )
            lines.append(f"| `{each['name']}` | {each['in']} | {words.strip()} |")
    if "requestBody" in made:
        lines += ["", f"Body: {_held(made['requestBody'])}."]
    right = {status: answer for status, answer in made["responses"].items() if int(status) < 400}
    wrong = sorted(status for status in made["responses"] if int(status) >= 400)
    lines += ["", "Answers " + "; ".join(f"{status}: {_held(answer)}" for status, answer in right.items()) + "."]
    lines += ["", f"Fails with {', '.join(wrong)}."]
    return lines


def _common(dialect: Dialect) -> set[str]:
    return {"Idempotency-Key", *(each.name for each in dialect.headers)}


def _held(holder: Mapping[str, Any]) -> str:
    kinds = [_type(content["schema"], name) for name, content in holder.get("content", {}).items()]
    return " or ".join(dict.fromkeys(kinds)) or "nothing"


def _type(schema: Any, media_type: str = "") -> str:
    """A type in words; an object of this page is a link."""
    if schema == {} or not isinstance(schema, dict):
        return "anything"
    if "$ref" in schema:
        name = _name(schema["$ref"].rsplit("/", 1)[1])
        return f"[{name}](#{name.lower().replace(' ', '-')})"
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_type(each) for each in schema[word]))
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("format") == "binary":
        return "a file" + (f" ({media_type})" if media_type not in ("", "*/*") else "")
    if kind == "object" and schema.get("additionalProperties") not in (None, True, False):
        return f"names to {_type(schema['additionalProperties'])}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _name(told: str) -> str:
    """An object's name; where two modules have one of that name, with its module."""
    *modules, own = told.split(".")
    return f"{own} of {modules[-1].replace('_', ' ')}" if modules else own


def _object(name: str, schema: Json) -> list[str]:
    lines = [f"### {_name(name)}", ""]
    if schema.get("description"):
        lines += [_prose(schema["description"]), ""]
    fields = schema.get("properties")
    if not fields:
        return [*lines, _type({key: value for key, value in schema.items() if key not in ("title", "description")}), ""]
    required = set(schema.get("required", ()))
    lines += ["| | |", "|---|---|"]
    lines += [f"| `{each}{'' if each in required else '?'}` | {_cell(_type(kind))} |" for each, kind in fields.items()]
    return [*lines, ""]


def _prose(text: str) -> str:
    """As it is, but that no name with stars or underscores is taken for emphasis, nor an angle bracket for a tag."""
    return re.sub(r"(?<!`)<(\w[^>`]*)>(?!`)", r"`<\1>`", text)


def _cell(text: str) -> str:
    return _prose(" ".join(text.split())).replace("|", "\\|")
