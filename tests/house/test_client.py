"""The Python client can do all that our own API can, and reads all that it answers.

Where this fails for a new operation of the native dialect: add its method in src/postroom_client/api/, written as what it
asks, and its answer's type in src/postroom_client/types/.
"""

import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from postroom.dialects.native.operations import DIALECT
from postroom.dialects.operation import Operation
from postroom_client import Client, Page
from postroom_client.calls import Call
from postroom_client.nouns import Noun, _Described
from tests.house.tree import SRC

CLIENT = Client("http://127.0.0.1:1")
OPERATIONS = {operation.name: operation for operation in DIALECT.operations}


def methods() -> Iterator[tuple[Any, _Described[Any, Any], str]]:
    """Every method of every noun: the noun, the description, and its name."""
    for noun in vars(CLIENT).values():
        if isinstance(noun, Noun):
            for name, found in vars(type(noun)).items():
                if isinstance(found, _Described):
                    yield noun, found, name


def asked(noun: Any, method: _Described[Any, Any]) -> Call[Any] | None:
    """What a method asks, given its parameters' names for their values; None: it makes several calls."""
    given: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(method.build).parameters.items())[1:]:
        if parameter.default is inspect.Parameter.empty:
            given[name] = None if "datetime" in str(parameter.annotation) else name
    built = method.build(noun, **given)
    return built if isinstance(built, Call) else None


def test_every_operation_of_our_own_api_has_a_method_of_the_client_and_the_other_way_round() -> None:
    called = {name for _, method, _ in methods() for name in method.names}
    assert sorted(set(OPERATIONS) - called) == []
    assert sorted(called - set(OPERATIONS)) == []


def test_methods_ask_by_the_method_the_path_and_the_fields_of_their_operation() -> None:
    for noun, method, name in methods():
        call = asked(noun, method)
        if call is None:
            continue
        operation = OPERATIONS[method.names[0]]
        where = f"{type(noun).__name__}.{name}"
        assert call.method == operation.method, where
        path, pattern = call.path.split("/"), (DIALECT.base + operation.path).split("/")
        assert len(path) == len(pattern), where
        assert all(a == b or b.startswith("{") for a, b in zip(path, pattern, strict=True)), where
        assert set(call.query) <= {each.name for each in operation.parameters}, where
        if operation.body is None or operation.body is bytes:
            assert call.body is msgspec.UNSET, where
        else:
            fields = {each.encode_name: each for each in msgspec.structs.fields(operation.body)}
            assert set(call.body) <= set(fields), where
            missing = {name for name, each in fields.items() if each.required} - set(call.body)
            assert not missing, f"{where} leaves out {missing}"


def test_answers_are_read_with_all_their_fields() -> None:
    for noun, method, name in methods():
        call = asked(noun, method)
        if call is not None:
            operation = OPERATIONS[method.names[0]]
            assert list(differences(call.answer, operation)) == [], f"{type(noun).__name__}.{name}"


def differences(answer: Any, operation: Operation) -> Iterator[str]:
    theirs = operation.answer
    if typing.get_origin(answer) is Page:
        names = {each.name for each in msgspec.structs.fields(theirs)}
        assert names in ({"items"}, {"items", "cursor"})
        (field,) = [each for each in msgspec.structs.fields(theirs) if each.name == "items"]
        yield from unlike(typing.get_args(answer)[0], typing.get_args(field.type)[0])
    elif isinstance(theirs, type) and issubclass(theirs, msgspec.Struct):
        yield from unlike(answer, theirs)
    else:
        assert answer is theirs


def unlike(ours: type, theirs: type, above: tuple[type, ...] = ()) -> Iterator[str]:
    """Where the fields of two structs are not the same, through all that is in them."""
    if ours in above:
        return
    mine = {each.encode_name: each.type for each in msgspec.structs.fields(ours)}
    others = {each.encode_name: each.type for each in msgspec.structs.fields(theirs)}
    yield from (f"{ours.__name__}.{name}" for name in sorted(set(mine) ^ set(others)))
    for name in set(mine) & set(others):
        inner = [list(structs(each)) for each in (mine[name], others[name])]
        if inner[0] or not hasattr(others[name], "__struct_fields__"):
            for one, other in zip(*inner, strict=False):
                yield from unlike(one, other, (*above, ours))


def structs(kind: Any) -> Iterator[type]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for each in typing.get_args(kind):
        yield from structs(each)


def test_the_client_needs_httpx_and_msgspec_and_nothing_of_the_server() -> None:
    program = """
import sys

BEFORE = {name.partition(".")[0] for name in sys.modules}
ALLOWED = {"postroom_client", "msgspec", "httpx"}
OF_HTTPX = {"anyio", "certifi", "h11", "h2", "hpack", "hyperframe", "httpcore", "idna", "sniffio", "brotli", "zstandard"}
OF_HTTPX |= {"brotlicffi", "socksio", "click", "pygments", "rich", "trio", "typing_extensions", "exceptiongroup"}


class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        caller = sys._getframe(1)
        while "importlib" in caller.f_code.co_filename or caller.f_code.co_filename == __file__:
            caller = caller.f_back
        if "postroom_client" in caller.f_code.co_filename:
            if top not in ALLOWED and top not in sys.stdlib_module_names:
                raise ImportError(f"the client imports {name}")
        elif top not in ALLOWED | OF_HTTPX | set(sys.stdlib_module_names) | BEFORE:
            raise ImportError(f"{name} is imported besides")
        return None


sys.meta_path.insert(0, Only())
import postroom_client

client = postroom_client.Client("http://127.0.0.1:1", retries=0)
try:
    client.accounts.get("acc_1")
except postroom_client.NoAnswer:
    print("stands alone")
assert "postroom" not in sys.modules
"""
    path = SRC.parent / "program.py"
    ran = subprocess.run(
        [sys.executable, "-c", f"__file__ = {str(path)!r}\n{program}"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(SRC), "PATH": ""},
        timeout=60,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("stands alone\n", "")
