"""The way out to addresses that callers give: where it goes, where it never goes, and that a name cannot change its mind."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from postroom.connectors.guarded import AddressRefused, Guard, guarded_http
from postroom.connectors.http import Http
from postroom.domain.addresses import LOOPBACK, Why, literal, why_not_address, why_not_host
from postroom.errors import InvalidParameters, OutcomeUnknown, ProviderDown

LOCALHOST = """
    localhost LOCALHOST localhost. a.localhost deep.a.localhost. localhost.localdomain 127.0.0.1 127.0.0.1. 127.1
    127.255.255.254
    2130706433 017700000001 0177.0.0.1 0x7f.0.0.1 0x7f000001 0x7f.1 127.0.1 0 0.0.0.0 [::1] [::] [::ffff:127.0.0.1]
    [::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::] [0:0:0:0:0:0:0:1] [::1%lo]
"""
PRIVATE = """
    10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 10.1 0x0a000001 167772161 192.0.2.1 198.18.0.1 203.0.113.9
    224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 [fc00::1] [fd12:3456::1] [ff02::1] [2001:db8::1] [::ffff:10.0.0.1]
    [64:ff9b::a00:1] [2002:a00:1::] [::ffff:c0a8:101] [64:ff9b:1::1] [2001::1]
"""
LINK_LOCAL = "169.254.0.1 169.254.169.254 2852039166 0xa9fea9fe [fe80::1] [fe80::1%eth0] [::ffff:169.254.169.254]"
METADATA = (
    "metadata.google.internal METADATA.google.internal. metadata.goog instance-data [fd00:ec2::254] 100.100.100.200"
)
PUBLIC = (
    "example.org 8.8.8.8 1.1.1.1. [2606:4700::1111] [::ffff:8.8.8.8] 172.32.0.1 a.b.co xn--bcher-kva.example 08.example"
)
NO_HOST = "256.1.1.1 1.2.3.4.5 0x 1.2.3.09 example.1 [::g] [1::2::3]"

CASES = [
    (host, why)
    for hosts, why in (
        (LOCALHOST, Why.LOCALHOST),
        (PRIVATE, Why.PRIVATE),
        (LINK_LOCAL, Why.LINK_LOCAL),
        (METADATA, Why.METADATA),
        (PUBLIC, None),
    )
    for host in hosts.split()
]


@pytest.mark.parametrize(("host", "why"), CASES)
def test_a_host_is_judged_by_where_it_leads_however_it_is_written(host: str, why: Why | None) -> None:
    assert why_not_host(host) is why


@pytest.mark.parametrize("host", NO_HOST.split())
def test_what_ends_in_a_number_and_is_no_address_is_no_host(host: str) -> None:
    assert why_not_host(host) is Why.FORMAT


def test_an_operators_own_network_is_let_pass_and_nothing_beside_it() -> None:
    own = [ipaddress.ip_network("10.1.0.0/16")]
    assert why_not_host("10.1.2.3", own) is None
    assert why_not_host("[::ffff:10.1.2.3]", own) is None
    assert why_not_host("10.2.0.1", own) is Why.PRIVATE
    assert why_not_host("localhost", own) is Why.LOCALHOST
    assert why_not_host("localhost", LOOPBACK) is None
    assert why_not_host("[::ffff:127.0.0.1]", LOOPBACK) is None
    assert why_not_address(ipaddress.ip_address("10.0.0.1"), LOOPBACK) is Why.PRIVATE


def test_an_address_in_any_form_is_the_one_that_a_resolver_takes_it_for() -> None:
    for text in ("127.1", "0x7f.1", "017700000001", "2130706433", "127.0.0.1."):
        assert literal(text) == ipaddress.ip_address("127.0.0.1")
    assert literal("example.org") is None


class Names:
    """A name server that says each time the next of these, and the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if not answer:
            raise OSError("no such name")
        return answer


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", Why.FORMAT),
        ("example.org", Why.FORMAT),
        ("//example.org/", Why.FORMAT),
        ("https://", Why.FORMAT),
        ("https:///path", Why.FORMAT),
        ("http://[::1", Why.FORMAT),
        ("http://a b/", Why.FORMAT),
        ("http://127%2e0%2e0%2e1/", Why.FORMAT),
        ("http://exa\nmple.org/", Why.FORMAT),
        ("http://example.org:99999/", Why.FORMAT),
        ("http://user:word@example.org/", Why.FORMAT),
        ("ftp://example.org/", Why.SCHEME),
        ("file:///etc/passwd", Why.SCHEME),
        ("gopher://127.0.0.1/", Why.SCHEME),
        ("http://localhost:8010/", Why.LOCALHOST),
        ("http://127.0.0.1@10.0.0.1/", Why.FORMAT),
        ("HTTP://LOCALHOST/", Why.LOCALHOST),
        ("http://ⓛocalhost/", Why.LOCALHOST),
        ("http://127。0。0。1/", Why.LOCALHOST),
        ("http://１２７.0.0.1/", Why.LOCALHOST),
        ("http://169.254.169.254/latest/meta-data", Why.LINK_LOCAL),
    ],
)
async def test_an_address_is_refused_for_what_is_wrong_with_it(url: str, why: Why) -> None:
    with pytest.raises(AddressRefused) as refused:
        await Guard(resolve=Names(["8.8.8.8"])).check(url)
    # What looks like a digit and is none is refused either way.
    assert refused.value.why in ((why, Why.FORMAT) if not url.isascii() else (why,))
    assert isinstance(refused.value, InvalidParameters)


async def test_a_name_is_refused_where_any_of_its_addresses_is_not_public() -> None:
    for answer in (
        ["127.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["::ffff:192.168.0.1"],
        ["fe80::1%eth0"],
        ["::1", "8.8.8.8"],
    ):
        with pytest.raises(AddressRefused):
            await Guard(resolve=Names(answer)).check("https://inside.example/")
    await Guard(resolve=Names(["8.8.8.8", "2606:4700::1111"])).check("https://outside.example/")
    await Guard(resolve=Names([])).check("https://not-yet.example/")


class Receiver:
    """A server that writes down each request's head and answers with these bytes."""

    def __init__(self, answer: bytes) -> None:
        self.heads: list[bytes] = []
        self.answer = answer
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def listening(answer: bytes, host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver, host, 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def read(http: Http, url: str) -> bytes:
    return (await http.read("test", "read", url, headers={})).body


async def test_the_connection_goes_to_the_address_that_was_judged_and_the_host_stays() -> None:
    names = Names(["127.0.0.1"])
    http = guarded_http(Guard(LOOPBACK, names))
    async with listening(OK) as receiver:
        assert await read(http, f"http://hooks.example:{receiver.port}/a?b=c") == b"ok"
    (head,) = receiver.heads
    assert head.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert f"host: hooks.example:{receiver.port}".encode() in head.lower()
    assert names.asked == [("hooks.example", receiver.port)]
    await http.close()


async def test_a_name_that_leads_elsewhere_the_next_time_is_refused_the_next_time() -> None:
    http = guarded_http(Guard(LOOPBACK, Names(["127.0.0.1"], ["10.0.0.1"])))
    async with listening(OK) as receiver:
        url = f"http://hooks.example:{receiver.port}/"
        assert await read(http, url) == b"ok"
        with pytest.raises(AddressRefused):
            await read(http, url)
        with pytest.raises(AddressRefused):
            await http.write("test", "write", url, headers={}, content=b"{}")
    assert len(receiver.heads) == 1
    await http.close()


async def test_without_leave_nothing_of_this_machine_is_reached_in_any_spelling() -> None:
    http = guarded_http(Guard(resolve=Names(["127.0.0.1"])))
    async with listening(OK) as receiver:
        for host in ("127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "hooks.example"):
            with pytest.raises(AddressRefused):
                await read(http, f"http://{host}:{receiver.port}/")
    assert receiver.heads == []
    await http.close()


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"
    http = guarded_http(Guard(LOOPBACK))
    async with listening(moved) as receiver:
        found = await http.read("test", "read", f"http://127.0.0.1:{receiver.port}/", headers={})
    assert (found.status, len(receiver.heads)) == (302, 1)
    await http.close()


async def test_an_address_that_takes_no_connection_is_followed_by_the_next_one() -> None:
    http = guarded_http(Guard(LOOPBACK, Names(["127.0.0.2", "127.0.0.1"])))
    async with listening(OK) as receiver:
        assert await read(http, f"http://hooks.example:{receiver.port}/") == b"ok"
    await http.close()


async def test_an_answer_without_end_and_one_that_drips_end_here() -> None:
    http = guarded_http(Guard(LOOPBACK), max_bytes=1000, whole_seconds=0.3)
    url = "http://127.0.0.1:{}/"
    async with listening(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_000)) as receiver:
        with pytest.raises(ProviderDown):
            await read(http, url.format(receiver.port))
    async with listening(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow") as receiver:
        with pytest.raises(OutcomeUnknown):
            await http.write("test", "write", url.format(receiver.port), headers={}, content=b"{}")
    await http.close()


async def test_a_name_that_nobody_knows_or_that_is_not_found_in_time_is_a_failure_before_anything_was_sent() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    for resolve in (Names([]), never):
        http = guarded_http(Guard(resolve=resolve), connect_seconds=0.05)
        with pytest.raises(ProviderDown):
            await http.write("test", "write", "https://nowhere.example/", headers={}, content=b"{}")
        await http.close()


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


async def test_tls_asks_for_the_host_by_name_and_wants_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path, "hooks.example"))
    context.sni_callback = lambda _, name, __: asked.append(name)
    receiver = Receiver(OK)
    server = await asyncio.start_server(receiver, "127.0.0.1", 0, ssl=context)
    http = guarded_http(Guard(LOOPBACK, Names(["127.0.0.1"])))
    async with server:
        with pytest.raises(ProviderDown):
            await read(http, f"https://hooks.example:{server.sockets[0].getsockname()[1]}/")
    assert set(asked) == {"hooks.example"}
    assert receiver.heads == []
    await http.close()
