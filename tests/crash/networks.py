"""Publishing to each network, and taking down there, under a kill at every step: what makes P6 true of all of them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.crash.harness import House, Operation
from tests.crash.operations import POSTPOST, fault, schedule
from tests.pictures import mp4, png

TEXT = "Written once"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A network, how an account of it is linked here, and what a post there needs."""

    network: str
    flow: str
    answers: Mapping[str, str]
    """At a page of the network, `login` approves; the others answer what is asked."""
    publishes: str
    """The operation that makes the post, as the simulated network names it."""
    removes: str | None
    """The operation that takes it down; None: that network takes no deletions from others."""
    media: str | None = None
    settles: str = "always"
    settings: Mapping[str, Any] = field(default_factory=dict)


OAUTH = {"login": "user_good"}
TARGETS = {
    target.network: target
    for target in (
        Target(
            network="bluesky",
            flow="app_password",
            answers={"identifier": "ada.test", "password": "app-ada-pass"},
            publishes="createRecord",
            removes="deleteRecord",
            media="image",
        ),
        Target(
            network="mastodon",
            flow="oauth",
            answers=OAUTH,
            publishes="create_status",
            removes="delete_status",
            media="image",
        ),
        Target(
            network="twitter",
            flow="oauth",
            answers=OAUTH,
            publishes="create_tweet",
            removes="delete_tweet",
            media="image",
            settles="partly",
        ),
        Target(
            network="facebook",
            flow="oauth",
            answers=OAUTH,
            publishes="feed",
            removes="delete",
            media="image",
            settles="partly",
        ),
        Target(
            network="instagram",
            flow="facebook_oauth",
            answers=OAUTH,
            publishes="publish",
            removes="delete",
            media="image",
        ),
        Target(network="threads", flow="oauth", answers=OAUTH, publishes="publish", removes="delete", media="image"),
        Target(
            network="linkedin", flow="oauth", answers=OAUTH, publishes="createPost", removes="deletePost", media="image"
        ),
        Target(
            network="telegram",
            flow="bot_token",
            answers={"token": "7000000001:user_good", "chat": "@harbour_news"},
            publishes="sendPhoto",
            removes="deleteMessages",
            media="image",
            settles="never",
        ),
        Target(network="tiktok", flow="oauth", answers=OAUTH, publishes="send", removes=None, media="video"),
        Target(network="youtube", flow="oauth", answers=OAUTH, publishes="send", removes="delete", media="video"),
    )
}
_FILES = {
    "image": (png(1, 2, 3, size=(640, 480)), "image/png", "a.png"),
    "video": (mp4(b"x" * 5000), "video/mp4", "a.mp4"),
}


def furnish(house: House) -> dict[str, Any]:
    """An account of each network, and a draft there with what it needs, and nothing else."""
    accounts = house.ask("GET", "native", "/accounts").json()["items"]
    held = {each["provider"]: each["provider_id"] for each in accounts if each["provider"] != "linkedin"}
    facts: dict[str, Any] = {}
    for target in TARGETS.values():
        provider_id = held.get(target.network) or link(house, target)
        group = _draft(house, target, f"{target.network}-{provider_id}")
        facts[target.network] = {"group": group, "provider_id": provider_id}
    return facts


def link(house: House, target: Target) -> str:
    """Link an account step by step over the native API, as its owner would; the network's id of it."""
    body = {"provider": target.network, "flow": target.flow}
    begun = house.ask("POST", "native", "/links", json=body)
    assert begun.is_success, begun.text
    step = begun.json()
    for _ in range(5):
        if step.get("account_id"):
            account = house.ask("GET", "native", f"/accounts/{step['account_id']}").json()
            return str(account["provider_id"])
        given = {name: value for name, value in target.answers.items() if name != "login"}
        if step["step"] == "visit":
            page = httpx.get(f"{step['url']}&login={target.answers['login']}")
            given = dict(parse_qsl(urlsplit(page.headers["location"]).query))
        elif not set(step["fields"]) & set(given):
            # A choice: the first that is offered.
            given = {name: next(iter(step["choices"][name])) for name in step["fields"]}
        answer = house.ask("POST", "native", f"/links/{step['id']}", json={"answers": given})
        assert answer.is_success, answer.text
        step = answer.json()
    raise AssertionError(f"{target.network} asks without end: {step}")


def _draft(house: House, target: Target, platform: str) -> str:
    body = {
        "content": f"{TEXT} on {target.network}",
        "platforms": [platform],
        "platformSettings": dict(target.settings),
    }
    answer = house.ask("POST", "postpost", f"{POSTPOST}/create-post", json=body)
    assert answer.status_code == 200, answer.text
    group: str = answer.json()["postGroupId"]
    if target.media is not None:
        content, content_type, name = _FILES[target.media]
        asked = {"postGroupId": group, "fileName": name, "contentType": content_type, "type": target.media}
        url = house.ask("POST", "postpost", f"{POSTPOST}/get-upload-url", json=asked).json()["uploadUrl"]
        put = httpx.put(url, content=content, headers={"content-type": content_type})
        assert put.status_code == 200, put.text
    return group


def publishing(target: Target, name: str, *faults: dict[str, Any]) -> Operation:
    """Schedule the draft for now, and wait until its end is known."""

    def perform(house: House) -> None:
        for rule in faults:
            fault(house, network=target.network, **rule)
        group = house.facts[target.network]["group"]
        url = house.url("postpost", f"{POSTPOST}/update-post/{group}")
        house.counted("schedule", "PUT", url, json={"status": "scheduled"})
        until = time.monotonic() + 20
        while _post(house, target)["status"] not in ("published", "failed") and time.monotonic() < until:
            house.settle()

    def check(house: House) -> None:
        house.settle()
        post = _post(house, target)
        count = _live(house, target)
        status, code = post["status"], (post.get("error") or {}).get("code")
        assert count <= 1, f"the network counts {count} posts"
        if status == "draft":
            assert not house.acknowledged
            assert count == 0
        elif status == "published":
            assert count == 1
        else:
            # Nobody can know: it is said so, and nothing is tried again.
            assert target.settles != "always", f"{status} {code}, where the network can be asked"
            assert code == "OUTCOME_UNKNOWN", (status, code)
        house.check_no_orphans()

    return Operation(
        name=f"publish on {target.network} ({name})", perform=perform, check=check, tasks=("publish_post",)
    )


def taking_down(target: Target, name: str, *faults: dict[str, Any]) -> Operation:
    """Publish, and then take down; only the take-down is counted."""

    def perform(house: House) -> None:
        group = house.facts[target.network]["group"]
        schedule(house, group)
        until = time.monotonic() + 20
        while _post(house, target)["status"] != "published" and time.monotonic() < until:
            house.settle()
        assert _live(house, target) == 1
        for rule in faults:
            fault(house, network=target.network, **rule)
        house.counted("take down", "POST", house.url("native", f"/post-groups/{group}/take-down"))
        house.settle()

    def check(house: House) -> None:
        house.settle()
        told = [(outcome, bool(settled)) for outcome, settled in house.rows(_OUTCOMES)]
        if target.removes is None:
            assert told == [("unsupported", True)] * len(told)
        else:
            assert told == [("done", True)] * len(told)
        assert told or not house.acknowledged, "it was acknowledged, and nobody remembers"
        assert _live(house, target) == (0 if told and target.removes else 1)
        assert len(house.rows("select id from receipts where kind = 'posts.taken_down'")) == len(told)

    return Operation(name=f"take down on {target.network} ({name})", perform=perform, check=check, tasks=("take_down",))


_OUTCOMES = "select outcome, settled_at is not null from takedown_targets"


def operations(target: Target) -> list[Operation]:
    """What is enumerated for a network."""
    lost = {"commit_then_lose": True}
    found = [publishing(target, "answered"), publishing(target, "answer lost", _rule(target.publishes, lost))]
    found.append(taking_down(target, "answered"))
    if target.removes is not None:
        found.append(taking_down(target, "answer lost", _rule(target.removes, lost)))
    return found


def _rule(operation: str, do: dict[str, Any]) -> dict[str, Any]:
    return {"operation": operation, "do": do}


def _post(house: House, target: Target) -> dict[str, Any]:
    answer = house.ask("GET", "postpost", f"{POSTPOST}/get-post/{house.facts[target.network]['group']}")
    assert answer.status_code == 200, answer.text
    (post,) = answer.json()["posts"]
    return dict(post)


def _live(house: House, target: Target) -> int:
    """How many posts of ours the network shows to other people."""
    posts = house.sim.get(f"/_sim/network/{target.network}/posts").json()["posts"]
    return sum(post["text"].startswith(f"{TEXT} on {target.network}") for post in posts)
