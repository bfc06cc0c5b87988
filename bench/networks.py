"""The networks that `publish` publishes on: for each, an account that is linked and never has to sign in.

A network more is an entry in `ACCOUNTS`, and its answer in `bench.farside`. Those of them that are installed are used.
"""

from collections.abc import Callable, Mapping

from postroom.app import House

Values = Callable[[str, str], Mapping[str, str]]
"""From the account's id at the network and the far side's address to what its credentials hold."""


def _bluesky(provider_id: str, base: str) -> Mapping[str, str]:
    return {"did": provider_id, "service": base, "accessJwt": "access", "refreshJwt": "refresh"}


def _mastodon(provider_id: str, base: str) -> Mapping[str, str]:
    app = {"client_id": "bench", "client_secret": "bench-secret", "redirect_uri": f"{base}/callback"}
    return {**app, "server": base, "access_token": f"token-{provider_id}"}


def _twitter(provider_id: str, _: str) -> Mapping[str, str]:
    return {"access_token": f"token-{provider_id}", "refresh_token": "refresh"}


def _telegram(provider_id: str, _: str) -> Mapping[str, str]:
    return {"token": f"1{provider_id[4:]}:bench", "chat": provider_id}


ACCOUNTS: Mapping[str, tuple[str, Values]] = {
    "bluesky": ("did:plc:bench", _bluesky),
    "mastodon": ("1000", _mastodon),
    "twitter": ("2000", _twitter),
    "telegram": ("-100", _telegram),
}
"""By network: how the ids of its accounts begin, and what their credentials hold."""


def used(house: House) -> list[str]:
    """The networks of those that this server can speak to."""
    return [name for name in ACCOUNTS if name in house.services.accounts.capabilities()]


def environment(base: str, networks: list[str]) -> dict[str, str]:
    """Settings under which all of them are the far side."""
    told = {f"POSTROOM_PROVIDER_{name.upper()}_ORIGIN": base for name in networks}
    if "twitter" in networks:
        told |= {"POSTROOM_PROVIDER_TWITTER_CLIENT_ID": "bench", "POSTROOM_PROVIDER_TWITTER_CLIENT_SECRET": "bench"}
    return told
