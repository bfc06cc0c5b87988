"""The networks that `publish` publishes on: for each, an account that is linked and never has to sign in.

A network more is a line in `ACCOUNTS`, and its answer in `bench.farside`.
"""

from collections.abc import Callable, Mapping

Values = Callable[[str, str], Mapping[str, str]]
"""From the account's id at the network and the far side's address to what its credentials hold."""


def _bluesky(provider_id: str, base: str) -> Mapping[str, str]:
    return {"did": provider_id, "service": base, "accessJwt": "access", "refreshJwt": "refresh"}


ACCOUNTS: Mapping[str, tuple[str, Values]] = {
    "bluesky": ("did:plc:bench", _bluesky),
}
"""By network: how the ids of its accounts begin, and what their credentials hold."""
