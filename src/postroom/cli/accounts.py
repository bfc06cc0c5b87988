"""`postroom account`: linked accounts; linking one step by step, here in the terminal."""

import sys
import time
from datetime import datetime
from io import StringIO
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click

from postroom.cli.calling import calls, confirmed
from postroom.cli.lazily import ShortGroup
from postroom.cli.outcomes import CANNOT, Said
from postroom.cli.output import ago, clean, print_fields, print_json, print_line, print_table, progress

if TYPE_CHECKING:
    from postroom_client import Account, Client, Link

_LOOK_SECONDS = 2.0
_SECRETS = ("password", "token", "cookie", "secret", "session", "li_at")


@click.group(cls=ShortGroup)
def account() -> None:
    """Linked accounts: list, link, pause, resync, unlink."""


@account.command("list")
@click.option("--network", help="Only of this network, such as linkedin.")
@calls
def list_accounts(postroom: "Client", network: str | None, as_json: bool) -> None:
    """List linked accounts, and how each stands."""
    found = list(postroom.accounts.list(provider=network))
    if as_json:
        print_json(found)
        return
    now = postroom.now()
    rows = [
        (each.id, each.provider, each.name or each.username, each.status, ago(each.last_synced_at, now))
        for each in found
    ]
    empty = "No account is linked yet: postroom account networks, then postroom account link NETWORK"
    print_table(("id", "network", "name", "status", "synced"), rows, empty)


@account.command("get")
@click.argument("account_id", metavar="ID")
@calls
def get_account(postroom: "Client", account_id: str, as_json: bool) -> None:
    """Show an account."""
    _show(postroom.accounts.get(account_id), postroom.now(), as_json)


@account.command("networks")
@calls
def list_networks(postroom: "Client", as_json: bool) -> None:
    """List the networks that the server speaks to, and the ways to link an account of each."""
    found = list(postroom.networks.list())
    if as_json:
        print_json(found)
        return
    rows = [
        (each.name, "yes" if each.send else "", "yes" if each.publish else "", ", ".join(each.flows)) for each in found
    ]
    print_table(("network", "messages", "posts", "linked by"), rows, "No networks are installed.")


_answer_option = click.option(
    "--answer", "answers", multiple=True, metavar="FIELD=VALUE", help="Answers what the network asks."
)


@account.command("link")
@click.argument("network")
@click.option("--by", "flow", help="The way to link it: see `postroom account networks`.  [default: the first]")
@_answer_option
@calls
def link_account(postroom: "Client", network: str, flow: str | None, answers: tuple[str, ...], as_json: bool) -> None:
    """Link an account, step by step. What is secret is not shown; a code to scan is drawn here."""
    flow = flow or _first_flow(postroom, network)
    given = _given(answers)
    _go_on(postroom, postroom.links.start(network, flow), given, as_json)


@account.command("relink")
@click.argument("account_id", metavar="ID")
@click.option("--by", "flow", help="The way to link it.  [default: the network's first]")
@_answer_option
@calls
def relink_account(
    postroom: "Client", account_id: str, flow: str | None, answers: tuple[str, ...], as_json: bool
) -> None:
    """Link an account again whose session is over. What is held of it stays."""
    provider = postroom.accounts.get(account_id).provider
    _go_on(
        postroom,
        postroom.accounts.relink(account_id, flow or _first_flow(postroom, provider)),
        _given(answers),
        as_json,
    )


def _first_flow(postroom: "Client", network: str) -> str:
    known = {each.name: each.flows for each in postroom.networks.list()}
    if not known.get(network):
        raise Said(f"There is no network {network!r} here: {', '.join(sorted(known))}.")
    return known[network][0]


def _given(answers: tuple[str, ...]) -> dict[str, str]:
    given = {}
    for each in answers:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.BadParameter(f"{each!r} is not FIELD=VALUE.", param_hint="--answer")
        given[name] = value
    return given


def _go_on(postroom: "Client", link: "Link", given: dict[str, str], as_json: bool) -> None:
    """Do what each step says until the account is linked."""
    drawn = ""
    while link.step != "linked":
        if link.expires_at <= postroom.now():
            raise Said("It took too long: start again.")
        if link.notice:
            click.echo(clean(link.notice), err=True)
        if link.step == "ask":
            link = postroom.links.answer(link.id, _answers(link, given))
            continue
        shown = link.code or link.url or (link.checkpoint.kind if link.checkpoint is not None else "") or link.step
        if shown != drawn:
            drawn = shown
            if as_json:
                print_line({"id": link.id, "step": link.step, "url": link.url, "code": link.code})
            _draw(link)
        time.sleep(_LOOK_SECONDS)
        link = postroom.links.get(link.id) if link.step == "visit" else postroom.links.answer(link.id)
    assert link.account_id is not None
    found = postroom.accounts.get(link.account_id)
    if as_json:
        print_line(found)
    else:
        click.echo(f"Linked: {clean(found.name or found.username)} ({found.provider}), {found.id}")


def _answers(link: "Link", given: dict[str, str]) -> dict[str, str]:
    if not sys.stdin.isatty():
        if not given:
            fields = ", ".join(link.fields)
            raise Said(f"The network asks: {fields}. Say each by --answer FIELD=VALUE.", CANNOT)
        # What is left out may be left out, or the server says so. Once: an answer that was wrong is not given again.
        answers = {name: given.pop(name) for name in link.fields if name in given}
        given.clear()
        return answers
    answers = {}
    for name, label in link.fields.items():
        # Once: an answer that was wrong is asked for.
        value = given.pop(name, None)
        if value is None:
            choices = link.choices.get(name, {})
            for key, words in choices.items():
                click.echo(f"  {key}: {clean(words)}", err=True)
            hidden = any(word in name.lower() for word in _SECRETS)
            kind = click.Choice(list(choices)) if choices else None
            value = click.prompt(
                clean(label or name), default="", show_default=False, hide_input=hidden, type=kind, err=True
            )
        if value:
            answers[name] = value
    return answers


def _draw(link: "Link") -> None:
    """What the owner is to do, on standard error."""
    if link.step == "visit" and link.url:
        click.echo(f"Open this page and let Postroom in; it goes on here by itself:\n\n  {clean(link.url)}\n", err=True)
    elif link.checkpoint is not None and link.checkpoint.kind == "pairing_code":
        click.echo(f"Enter this code on your telephone: {link.code or link.checkpoint.data}", err=True)
    elif link.step == "show" and link.code:
        click.echo(qr(link.code), err=True)
        click.echo("Scan it with your telephone. A new one is drawn here when this one has expired.", err=True)
    else:
        click.echo("Waiting for what you do at the network (Ctrl-C stops waiting).", err=True)


def qr(content: str) -> str:
    """A code to scan, drawn with letters: two rows to a line."""
    import segno

    drawn = StringIO()
    segno.make(content, error="l", micro=False).terminal(drawn, border=2, compact=True)
    return drawn.getvalue().rstrip("\n")


@account.command("sync")
@click.argument("account_id", metavar="ID")
@calls
def sync_account(postroom: "Client", account_id: str, as_json: bool) -> None:
    """Have an account synced soon."""
    done = postroom.accounts.sync(account_id)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{account_id} is synced soon.")


@account.command("resync")
@click.argument("account_id", metavar="ID")
@click.option("--no-wait", is_flag=True, help="Do not wait until it is done.")
@calls
def resync_account(postroom: "Client", account_id: str, no_wait: bool, as_json: bool) -> None:
    """Read all chats of an account anew, and show how far it is."""
    sync = postroom.accounts.resync(account_id)
    with progress("Chats", None if not sync.all_chats_known else sync.chats_known, shown=not as_json) as step:
        done = 0
        while not no_wait and sync.state not in ("done", "failed"):
            step(sync.chats_done - done)
            done = sync.chats_done
            time.sleep(_LOOK_SECONDS / 2)
            sync = postroom.accounts.resync(account_id)
    if as_json:
        print_json(sync)
    else:
        click.echo(f"{sync.state}: {sync.chats_done} chats, {sync.messages} messages.")
    if sync.state == "failed":
        raise Said(sync.error or "The sync failed; it is tried again.")


@account.command("pause")
@click.argument("account_id", metavar="ID")
@calls
def pause_account(postroom: "Client", account_id: str, as_json: bool) -> None:
    """Hear, sync and send nothing until it is resumed. What is held stays readable."""
    _show(postroom.accounts.pause(account_id), postroom.now(), as_json)


@account.command("proxy")
@click.argument("account_id", metavar="ID")
@click.argument("address", metavar="[URL]", required=False)
@click.option("--remove", is_flag=True, help="Go out by the server's own address again.")
@calls
def proxy_account(postroom: "Client", account_id: str, address: str | None, remove: bool, as_json: bool) -> None:
    """By which proxy an account goes out; with URL, such as socks5://ada@proxy.example.com:1080, by that one alone.

    The password is asked for where a name comes without one.
    """
    if remove:
        postroom.accounts.remove_proxy(account_id)
    elif address is not None:
        host, port, login = _proxy(address)
        postroom.accounts.set_proxy(account_id, host, port, **login)
    found = postroom.accounts.proxy(account_id)
    if as_json:
        print_json(found)
        return
    proxy = found.proxy
    shown = "the server's own address" if proxy is None else f"{proxy.protocol}://{proxy.host}:{proxy.port}"
    print_fields((("goes out by", shown), ("as", proxy and proxy.username)))


def _proxy(address: str) -> tuple[str, int, dict[str, str]]:
    parts = urlsplit(address)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Said(f"That is no address of a proxy: {error}.") from error
    if host is None or port is None:
        raise Said("The address of a proxy looks like http://ada@proxy.example.com:3128.")
    login = {"protocol": parts.scheme}
    if parts.username is not None:
        login["username"] = unquote(parts.username)
        if parts.password is None and not sys.stdin.isatty():
            raise Said("Nobody can be asked for the proxy's password here.", CANNOT)
        asked = parts.password is None
        login["password"] = (
            click.prompt("Its password", hide_input=True, err=True) if asked else unquote(parts.password or "")
        )
    return host, port, login


@account.command("resume")
@click.argument("account_id", metavar="ID")
@calls
def resume_account(postroom: "Client", account_id: str, as_json: bool) -> None:
    """Go on after a pause, and catch up."""
    _show(postroom.accounts.resume(account_id), postroom.now(), as_json)


@account.command("unlink")
@click.argument("account_id", metavar="ID")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@calls
def unlink_account(postroom: "Client", account_id: str, yes: bool, as_json: bool) -> None:
    """Unlink an account, and destroy the key of everything that was held of it. There is no way back."""
    found = postroom.accounts.get(account_id)
    if not yes:
        click.echo(f"{clean(found.name or found.username)} ({found.provider}), {found.id}:", err=True)
        for each in postroom.deletions.preview("account", account_id).consequences:
            click.echo(f"  - {clean(each)}", err=True)
    confirmed("Unlink it for good?", yes)
    done = postroom.accounts.unlink(account_id)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{account_id} is unlinked, and its key is destroyed.")


def _show(found: "Account", now: datetime, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    print_fields(
        (
            ("id", found.id),
            ("network", found.provider),
            ("name", clean(found.name)),
            ("username", clean(found.username)),
            ("posts name it", found.platform_id),
            ("status", found.status),
            ("why", found.status_detail),
            ("linked", ago(found.created_at, now)),
            ("synced", ago(found.last_synced_at, now)),
            ("credentials end", ago(found.credentials_expire_at, now)),
        )
    )
