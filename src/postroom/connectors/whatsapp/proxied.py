"""The way of an account with a proxy, as WhatsApp's library is told it."""

from urllib.parse import quote

from postroom.connectors.contract import Find
from postroom.domain.proxies import Proxy, ProxyProtocol
from postroom.errors import ErrorCode, InvalidParameters, ProviderDown


class Way:
    """A proxy, and how it is found."""

    def __init__(self, proxy: Proxy, find: Find) -> None:
        self._proxy = proxy
        self._find = find

    async def address(self) -> str:
        """The proxy's URL with its login. The host is the address that was judged; with TLS the name that was looked up.

        Raises:
            ProviderDown: it is nowhere, or where it may not be called.
        """
        proxy = self._proxy
        try:
            found = str((await self._find(proxy))[0])
        except InvalidParameters as error:
            raise _down("Its address is one that this server may not call.") from error
        except (OSError, TimeoutError) as error:
            raise _down("Nobody knows where it is.") from error
        # Whoever answers at another address has no certificate for the name.
        host = proxy.host if proxy.protocol is ProxyProtocol.HTTPS else found
        host = f"[{host}]" if ":" in host else host
        login = ""
        if proxy.username is not None:
            login = f"{quote(proxy.username, safe='')}:{quote(proxy.password or '', safe='')}@"
        return f"{proxy.protocol}://{login}{host}:{proxy.port}"


def _down(why: str) -> ProviderDown:
    return ProviderDown(
        f"The account's proxy did not lead to WhatsApp. {why} Nothing was sent.", code=ErrorCode.PROXY_ERROR
    )
