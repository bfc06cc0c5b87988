"""PostPress's schema, to hold answers against."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((Path(__file__).parent / "schema.json").read_text())
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]})


def check(name: str, value: Any) -> None:
    """Fail where `value` is no such object."""
    _validator(name).validate(value)
