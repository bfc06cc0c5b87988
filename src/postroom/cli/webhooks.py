"""`postroom webhook` and `postroom events`: what happens, told to an address, or followed here."""

import os
import time
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from postroom.cli.calling import calls, confirmed
from postroom.cli.lazily import ShortGroup
from postroom.cli.outcomes import CANNOT, Said
from postroom.cli.output import ago, clean, print_fields, print_json, print_line, print_table

if TYPE_CHECKING:
    from postroom_client import Client, Delivery

_WAIT_SECONDS = 20
_AGAIN_SECONDS = 1.0
_types_option = click.option("--type", "types", multiple=True, help="Only events of this type; again for each one.")


@click.group(cls=ShortGroup)
def webhook() -> None:
    """Webhooks: list, create, test, replay, delete; and listen, which needs none."""


@webhook.command("list")
@calls
def list_webhooks(postroom: "Client", as_json: bool) -> None:
    """List webhooks, and how each is doing."""
    found = list(postroom.webhooks.list())
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.id,
            each.name,
            each.url,
            "active" if each.active else f"disabled: {each.disabled_reason or 'by you'}",
            each.last_failure,
            ago(each.last_attempt_at, postroom.now()),
        )
        for each in found
    ]
    print_table(("id", "name", "url", "", "failure", "last try"), rows, "No webhooks: postroom webhook create URL")


@webhook.command("create")
@click.argument("url")
@click.option("--name", default="webhook", show_default=True, help="What to call it.")
@_types_option
@calls
def create_webhook(postroom: "Client", url: str, name: str, types: tuple[str, ...], as_json: bool) -> None:
    """Be told of events at a URL. The secret by which its receiver checks them is shown this once."""
    made = postroom.webhooks.create(name, url, events=types)
    if as_json:
        print_json(made)
        return
    print_fields((("id", made.id), ("secret", made.secret)))
    click.echo("Keep the secret now: it is not shown again.", err=True)


@webhook.command("delete")
@click.argument("webhook_id", metavar="ID")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@calls
def delete_webhook(postroom: "Client", webhook_id: str, yes: bool, as_json: bool) -> None:
    """Delete a webhook and its secret."""
    confirmed(f"Delete {webhook_id}?", yes)
    done = postroom.webhooks.delete(webhook_id)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{webhook_id} is deleted.")


@webhook.command("test")
@click.argument("webhook_id", metavar="ID")
@calls
def test_webhook(postroom: "Client", webhook_id: str, as_json: bool) -> None:
    """Send a test to a webhook. Exit code 1: it did not arrive."""
    _tried([postroom.webhooks.test(webhook_id)], as_json)


@webhook.command("deliveries")
@click.argument("webhook_id", metavar="ID")
@click.option("--failed", is_flag=True, help="Only what did not arrive.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=30, show_default=True)
@calls
def list_deliveries(postroom: "Client", webhook_id: str, failed: bool, limit: int, as_json: bool) -> None:
    """List what was tried to tell a webhook in the last week, newest first."""
    found = list(islice(postroom.webhooks.deliveries(webhook_id, failed=failed, limit=min(limit, 100)), limit))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.id,
            each.event_type,
            each.occasion,
            each.failure or f"arrived ({each.status})",
            ago(each.tried_at, postroom.now()),
        )
        for each in found
    ]
    print_table(("id", "event", "", "outcome", "tried"), rows, "Nothing was tried yet: postroom webhook test ID")


@webhook.command("replay")
@click.argument("webhook_id", metavar="ID")
@click.argument("delivery_id", metavar="DELIVERY")
@calls
def replay_delivery(postroom: "Client", webhook_id: str, delivery_id: str, as_json: bool) -> None:
    """Tell a webhook the event of a delivery again, as it now stands. Exit code 1: it did not arrive."""
    _tried(postroom.webhooks.replay(webhook_id, delivery_id).items, as_json)


def _tried(found: "list[Delivery]", as_json: bool) -> None:
    if as_json:
        print_json(found)
    for each in found:
        if each.failure is not None:
            raise Said(f"It did not arrive: {each.failure}, after {each.took_ms} ms.")
        if not as_json:
            click.echo(f"It arrived, and was answered {each.status} after {each.took_ms} ms.")


@webhook.command("listen")
@click.option("--forward-to", "url", metavar="URL", help="POST each event there, signed as webhooks are.")
@click.option("--secret", help="What to sign with.  [default: a new one, which is printed]")
@_types_option
@calls
def listen(postroom: "Client", url: str | None, secret: str | None, types: tuple[str, ...], as_json: bool) -> None:
    """Print events as they come, and forward them to a program on this machine. Ctrl-C ends it.

    No webhook is made, and the server needs no way to this machine. What the program answers is shown; what it does not
    take is not sent again.
    """
    from postroom.domain.webhooks import Format, new_secret

    if url is not None:
        if not url.startswith(("http://", "https://")):
            raise Said(f"--forward-to {url}: http:// or https:// and a host are needed.", CANNOT)
        secret = secret or new_secret(Format.NATIVE, os.urandom(32))
        click.echo(f"Events are signed with {secret}", err=True)
    click.echo("Listening. Ctrl-C ends it.", err=True)
    for event in follow(postroom, None, types):
        _tell(event, as_json)
        if url is not None and secret is not None:
            click.echo(f"  -> {_forward(url, secret, event)}", err=True)


@click.group(cls=ShortGroup)
def events() -> None:
    """The log of what happened: tail."""


@events.command("tail")
@click.option(
    "--after", type=click.IntRange(min=0), help="From after this position on; 0: all that is kept.  [default: now]"
)
@click.option("--no-follow", is_flag=True, help="Print what is there, and end.")
@_types_option
@calls
def tail(postroom: "Client", after: int | None, no_follow: bool, types: tuple[str, ...], as_json: bool) -> None:
    """Print events as they come, a line each."""
    for event in follow(postroom, after, types, to_the_end=no_follow):
        _tell(event, as_json)


def follow(
    postroom: "Client", after: int | None, types: tuple[str, ...], *, to_the_end: bool = False
) -> Iterator[dict[str, Any]]:
    """Events as the server writes them, one after the other; it goes on where it was when the server was away."""
    from postroom_client import NoAnswer, Unavailable

    position = postroom.events.position().position if after is None else after
    patient = False
    while True:
        query = {"after": position, "limit": 200, "wait_seconds": 0 if to_the_end else _WAIT_SECONDS}
        try:
            page = postroom.request("GET", "/api/events", query=query)
        except (NoAnswer, Unavailable):
            if not patient:
                raise
            time.sleep(_AGAIN_SECONDS)
            continue
        patient = not to_the_end
        for event in page["items"]:
            position = event["position"]
            if not types or event["type"] in types:
                yield event
        if to_the_end and not page["items"]:
            return
        position = max(position, page["position"])


def _tell(event: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_line(event)
        return
    ids = " ".join(f"{name}={value}" for name, value in event["data"].items() if isinstance(value, str | int))
    message = event.get("message") or {}
    text = f"  {clean(message['text'])!r}" if message.get("text") else ""
    moment = event["created_at"][11:19]
    click.echo(f"{moment} {event['position']} {click.style(event['type'], bold=True)} {clean(ids)}{text}")


def _forward(url: str, secret: str, event: dict[str, Any]) -> str:
    """What became of it, in a word."""
    import httpx
    import msgspec

    from postroom.domain.webhooks import standard_signature
    from postroom_client.doors import direct

    body, now = msgspec.json.encode(event), int(time.time())
    headers = {
        "content-type": "application/json",
        "user-agent": "Postroom",
        "webhook-id": event["id"],
        "webhook-timestamp": str(now),
        "webhook-signature": standard_signature(secret, event["id"], now, body),
    }
    try:
        with httpx.Client(mounts=direct(url), timeout=30) as http:
            answer = http.post(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        return f"not delivered: {error}"
    return f"{answer.status_code} {answer.reason_phrase}".rstrip()
