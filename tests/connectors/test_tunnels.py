"""Through a proxy: what each way of failing means, TLS within and without, and sockets that are not kept."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from postroom.connectors.guarded import AddressRefused, Guard
from postroom.connectors.http import Answer, Http, tls
from postroom.connectors.outlets import Outlets
from postroom.domain.addresses import LOOPBACK
from postroom.domain.proxies import Proxy, ProxyProtocol
from postroom.errors import ErrorCode, OutcomeUnknown, ProviderDown
from tests.parts.tunnelproxy import TunnelProxy

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
Far = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def through(proxy: TunnelProxy | int, protocol: str = "http", host: str = "127.0.0.1") -> Proxy:
    port = proxy if isinstance(proxy, int) else proxy.port
    return Proxy(protocol=ProxyProtocol(protocol), host=host, port=port)


@contextlib.asynccontextmanager
async def outlets(**seconds: float) -> AsyncIterator[Outlets]:
    made = Outlets(Guard(LOOPBACK), **seconds)
    try:
        yield made
    finally:
        await made.close()


@contextlib.asynccontextmanager
async def far_side(answer: Far, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    tasks: list[asyncio.Task[None]] = []
    writers: list[asyncio.StreamWriter] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await answer(reader, writer)
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


async def fine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(FINE)


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def write(http: Http, url: str) -> Answer:
    return await http.write("net", "act", url, headers={})


@pytest.mark.parametrize("protocol", ["http", "socks5"])
async def test_what_fails_before_the_tunnel_is_there_was_not_sent_and_what_fails_after_may_have_been(
    protocol: str,
) -> None:
    plain = Http(tries=1, backoff_seconds=0.0)
    async with outlets(connect_seconds=0.3) as ways, far_side(hangs_up) as port, TunnelProxy() as proxy:
        http = ways.by(plain, through(proxy, protocol))
        with pytest.raises(OutcomeUnknown):
            await write(http, f"http://127.0.0.1:{port}/")
        proxy.answers = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        with pytest.raises(ProviderDown) as refused:
            await write(http, f"http://127.0.0.1:{port}/")
        proxy.answers, proxy.silent = None, True
        with pytest.raises(ProviderDown) as silent:
            await write(http, f"http://127.0.0.1:{port}/")
        await proxy.stop()
        with pytest.raises(ProviderDown) as gone:
            await write(http, f"http://127.0.0.1:{port}/")
    async with outlets(connect_seconds=0.3) as ways, far_side(hangs_up) as other:
        with pytest.raises(ProviderDown) as other_words:
            await write(ways.by(plain, through(other, protocol)), "http://127.0.0.1:9/")
    for caught in (refused, silent, gone, other_words):
        assert caught.value.code is ErrorCode.PROXY_ERROR
    await plain.close()


@pytest.mark.parametrize("protocol", ["http", "https", "socks5"])
async def test_tls_goes_to_the_far_side_through_any_of_them_and_names_are_looked_up_by_the_proxy(
    protocol: str, tmp_path: Path
) -> None:
    server_tls = certified(tmp_path, "far.invalid", "localhost")
    tls().load_verify_locations(tmp_path / "ca.pem")
    plain = Http(tries=1)
    async with outlets() as ways, far_side(fine, server_tls) as port:
        leads = {("far.invalid", 443): ("127.0.0.1", port), ("other.invalid", 443): ("127.0.0.1", port)}
        async with TunnelProxy(leads=leads, tls=server_tls if protocol == "https" else None) as proxy:
            http = ways.by(plain, through(proxy, protocol, "localhost"))
            answer = await http.read("net", "look", "https://far.invalid/", headers={})
            assert (answer.status, answer.body) == (200, b"fine")
            await http.read("net", "look", "https://far.invalid/again", headers={})
            assert proxy.asked == [("far.invalid", 443)]
            # A proxy that leads elsewhere is not believed.
            with pytest.raises(ProviderDown):
                await write(http, "https://other.invalid/")
            assert proxy.paths == []
    await plain.close()


async def test_connections_through_one_proxy_are_shared_and_closed_when_nobody_goes_there_any_more() -> None:
    plain = Http(tries=1)
    async with outlets(rest_seconds=0.1) as ways, far_side(fine) as port, TunnelProxy() as proxy:
        url = f"http://127.0.0.1:{port}/"
        for _ in range(3):
            await write(ways.by(plain, through(proxy)), url)
        assert (proxy.accepted, proxy.open, ways.open) == (1, 1, 1)
        async with asyncio.timeout(5):
            while proxy.open or ways.open:
                await asyncio.sleep(0.02)
        # Who still has the client goes on with it.
        await write(ways.by(plain, through(proxy)), url)
        assert proxy.accepted == 2
    await plain.close()


async def test_neither_a_proxy_nor_what_is_asked_for_by_it_is_where_nobody_may_call() -> None:
    plain = Http(tries=1)
    looked_up: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["10.1.2.3"] if host == "inside.test" else ["127.0.0.1"]

    ways = Outlets(Guard(LOOPBACK, resolve))
    with pytest.raises(AddressRefused):
        await ways.check(through(3128, host="inside.test"))
    with pytest.raises(ProviderDown) as caught:
        await write(ways.by(plain, through(3128, host="inside.test")), "http://far.test/")
    assert "10.1.2.3" not in caught.value.detail
    async with TunnelProxy() as proxy:
        judged = ways.by(plain, through(proxy), is_guarded=True)
        for url in ("http://169.254.169.254/latest", "http://10.0.0.1/", "http://metadata.google.internal/"):
            with pytest.raises(AddressRefused):
                await judged.read("net", "look", url, headers={})
        assert proxy.asked == []
    assert set(looked_up) == {"inside.test"}
    await ways.close()
    await plain.close()


def certified(folder: Path, *names: str) -> ssl.SSLContext:
    """A server's TLS with a certificate for these names, whose authority is in ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, folder.name[-60:])])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(
            x509.SubjectAlternativeName([*map(x509.DNSName, names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(secret + pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context
