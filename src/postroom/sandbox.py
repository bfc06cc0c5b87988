"""The sandbox: the simulated networks in a process of their own, two workspaces with test keys, and accounts to play with."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec
import structlog

from postroom.app import House
from postroom.clock import iso
from postroom.connectors.contract import AppSettings, LoginStep, Show, Visit
from postroom.connectors.registry import settings_types
from postroom.domain.access import EVERYDAY_SCOPES, Caller, Scope
from postroom.domain.accounts import Account
from postroom.errors import LoginFailed, NotAuthenticated, NotImplementedHere, NotSupported, PostroomError
from postroom.services.access import Access

log = structlog.get_logger()


class Networks(msgspec.Struct, frozen=True, kw_only=True):
    """Where the simulated networks answer."""

    sim: str
    """Each network answers below, by its name."""


# Of a network that is spoken to by a native library, that is what is simulated.
_STAND_INS = {"whatsapp": "postroom_sim.whatsapp.library:Library"}


def providers(sim: str, chosen: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, dict[str, Any]]:
    """The settings with which every connector speaks to its simulated network, whose app is registered there.

    `chosen` stays wherever it says something else.
    """
    made = {}
    for name, kind in settings_types().items():
        made[name] = {**(chosen or {}).get(name, {}), "origin": f"{sim}/{name}"}
        if issubclass(kind, AppSettings):
            made[name] |= {"client_id": "sandbox", "client_secret": "sandbox-secret"}
        if name in _STAND_INS:
            made[name]["library"] = _STAND_INS[name]
    return made


class NetworksFailed(PostroomError):
    """The simulated networks did not start."""


class Kept(msgspec.Struct, kw_only=True):
    """What the sandbox remembers from start to start, in a file of its own: its secrets open simulated accounts only."""

    workspace_id: str
    key: str
    other_workspace_id: str
    other_key: str
    sim_port: int
    server: str = ""
    """Where it listens since its last start, and where its networks do: for programs and for people's shells."""
    sim: str = ""


_FILE = "sandbox.json"


class SandboxFolder(PostroomError):
    """The folder is a sandbox's: its accounts are simulated."""


def refuse_folder(folder: Path) -> None:
    """Raises:
    SandboxFolder: a server for real must not open this folder, nor speak to real networks for its accounts.
    """
    if (folder / _FILE).exists():
        raise SandboxFolder(f"{folder} is a sandbox's folder: serve it with --sandbox, or choose another --data.")


def _kept(folder: Path) -> Kept | None:
    file = folder / _FILE
    return msgspec.json.decode(file.read_bytes(), type=Kept) if file.exists() else None


def clock_file(folder: Path) -> Path:
    """The file in which the networks keep how far their clock runs ahead."""
    return folder / "sim" / "clock"


@contextlib.asynccontextmanager
async def networks(folder: Path, port: int) -> AsyncIterator[Networks]:
    """The simulated networks, running. They end with the block, and with this process however it ends.

    Raises:
        NetworksFailed: they did not start.
    """
    kept = _kept(folder)
    port = kept.sim_port if kept is not None else port
    (folder / "sim").mkdir(parents=True, exist_ok=True)
    process, line = await _start(folder, port)
    if not line and port:
        # The port of the last time is taken now: any other will do.
        process, line = await _start(folder, 0)
    if not line:
        raise NetworksFailed("The simulated networks did not start: see the lines above.")
    try:
        yield msgspec.json.decode(line, type=Networks)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            process.kill()


async def _start(folder: Path, port: int) -> tuple[asyncio.subprocess.Process, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "postroom_sim",
        "--port",
        str(port),
        "--data",
        str(folder / "sim"),
        "--clock",
        str(clock_file(folder)),
        "--until-stdin-closes",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    return process, await process.stdout.readline()


async def furnish(house: House, folder: Path, sim: str, *, base: str = "", link: bool = True) -> Kept:
    """Make the workspaces and keys, `link` the accounts and sync them; what is there already is kept.

    `base`: where the server listens.
    """
    access = house.services.access
    kept = _kept(folder)
    if kept is None:
        first, second = await access.create_workspace("Sandbox"), await access.create_workspace("Other sandbox")
        _, key = await access.issue_key(first.id, "sandbox", frozenset(Scope))
        _, other_key = await access.issue_key(second.id, "other sandbox", EVERYDAY_SCOPES)
        kept = Kept(workspace_id=first.id, key=key, other_workspace_id=second.id, other_key=other_key, sim_port=0)
    kept.key = await _good(access, kept.key, kept.workspace_id, "sandbox", frozenset(Scope))
    kept.other_key = await _good(access, kept.other_key, kept.other_workspace_id, "other sandbox", EVERYDAY_SCOPES)
    kept.sim_port = int(sim.rpartition(":")[2])
    kept.server, kept.sim = base, sim
    _write(folder / _FILE, msgspec.json.format(msgspec.json.encode(kept)))
    if not link:
        return kept
    caller, other = await access.resolve(kept.key), await access.resolve(kept.other_key)
    for who, provider, flow, answers in _ACCOUNTS:
        await _link(house, caller if who == "first" else other, provider, flow, answers)
    return kept


async def _good(access: Access, key: str, workspace_id: str, name: str, scopes: frozenset[Scope]) -> str:
    """The key; another in its place, if somebody tried what revoking it does."""
    try:
        await access.resolve(key)
    except NotAuthenticated:
        _, key = await access.issue_key(workspace_id, name, scopes)
    return key


# Whose, where, how, and what the owner answers; `login` is whom the simulated page takes them for.
_ACCOUNTS: list[tuple[str, str, str, dict[str, str]]] = [
    ("first", "linkedin", "cookie", {"access_token": "user_good"}),
    ("first", "bluesky", "app_password", {"identifier": "ada.test", "password": "app-ada-pass"}),
    ("first", "mastodon", "oauth", {"login": "user_good"}),
    ("first", "twitter", "oauth", {"login": "user_good"}),
    ("other", "linkedin", "cookie", {"access_token": "user_second"}),
]


def _write(file: Path, text: bytes) -> None:
    temporary = file.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(text)
    temporary.replace(file)


async def link(house: House, caller: Caller, provider: str, flow: str, answers: Mapping[str, str]) -> Account:
    """Link a simulated account. At a page that the owner is sent to, `answers["login"]` approves.

    Raises:
        PostroomError: it could not be linked.
    """
    accounts = house.services.accounts
    if "login" not in answers:
        return await accounts.link(caller, provider, flow, answers)
    attempt, step = await accounts.start_link(caller, provider, flow)
    found: LoginStep | Account = step
    for _ in range(5):
        if isinstance(found, Account):
            return found
        given = dict(answers)
        if isinstance(found, Visit):
            page = await house.http.read(
                provider, "approve", f"{found.url}&login={quote(answers['login'])}", headers={}
            )
            given = dict(parse_qsl(urlsplit(page.headers.get("location", "")).query))
        _, found = await accounts.answer_link(caller, attempt.id, given)
    raise LoginFailed(f"The simulated {provider} asks without end.")


async def link_by_telephone(house: House, caller: Caller, sim: str, login: str = "user_good") -> Account | None:
    """Link a simulated WhatsApp account, whose owner's telephone scans the code; None: the extra is not installed.

    It takes a second or two, which a start does not wait for. One that is linked stays as it is.

    Raises:
        PostroomError: it could not be linked.
    """
    accounts = house.services.accounts
    held = (await accounts.list(caller, provider="whatsapp")).items
    if held:
        return held[0]
    try:
        attempt, step = await accounts.start_link(caller, "whatsapp", "qr")
    except (NotImplementedHere, NotSupported):
        return None
    if isinstance(step, Show):
        scan = msgspec.json.encode({"code": step.code, "login": login})
        await house.http.write("whatsapp", "scan", f"{sim}/_sim/network/whatsapp/do/scan", headers={}, content=scan)
    for _ in range(100):
        _, found = await accounts.answer_link(caller, attempt.id, {})
        if isinstance(found, Account):
            return found
        await asyncio.sleep(0.1)
    raise LoginFailed("The simulated telephone did not link the account.")


@contextlib.asynccontextmanager
async def telephone(house: House, kept: Kept, sim: str) -> AsyncIterator[None]:
    """The WhatsApp account is linked beside what is done in the block, at the first start."""

    async def link() -> None:
        try:
            await link_by_telephone(house, await house.services.access.resolve(kept.key), sim)
        except PostroomError as error:
            log.warning("sandbox.whatsapp_not_linked", error=error.detail)

    linking = asyncio.create_task(link())
    try:
        yield
    finally:
        linking.cancel()
        await asyncio.wait([linking])


async def _link(house: House, caller: Caller, provider: str, flow: str, answers: Mapping[str, str]) -> None:
    """Link an account unless the workspace has one of that network, and bring its messages up to date."""
    held = (await house.services.accounts.list(caller, provider=provider)).items
    account = held[0] if held else await link(house, caller, provider, flow, answers)
    if account.has_chats:
        with contextlib.suppress(PostroomError):
            await house.sync.sync(caller.workspace_id, account.id)


def as_json(base: str, networks: Networks, kept: Kept) -> str:
    """The line that a program reads: base URLs and keys."""
    return json.dumps(
        {
            "postpress": f"{base}/postpress",
            "connectsafely": f"{base}/connectsafely",
            "postpost": f"{base}/postpost",
            "native": f"{base}/api",
            "dashboard": f"{base}/",
            "sim": networks.sim,
            "key": kept.key,
            "other_key": kept.other_key,
        }
    )


async def welcome(house: House, base: str, networks: Networks, kept: Kept) -> str:
    """The lines that a person reads: whole commands to copy."""
    caller = await house.services.access.resolve(kept.key)
    own = [
        message
        for message in (await house.services.messages.list(caller, limit=250)).items
        if message.is_sender and not message.is_tombstone and message.content.text
    ]
    platforms = await _platforms(house, caller)
    lines = [
        "",
        f"Postroom is ready, with simulated networks: {base}",
        "",
        f"  PostPress      {base}/postpress      (read it: {base}/postpress/docs)",
        f"  ConnectSafely  {base}/connectsafely  (read it: {base}/connectsafely/docs)",
        f"  PostPost       {base}/postpost       (read it: {base}/postpost/docs)",
        f"  native         {base}/api            (read it: {base}/api/docs)",
        f"  dashboard      {base}/               (sign in with the test key)",
        f"  test key       {kept.key}",
        f"  posts go to    {', '.join(platforms)}",
    ]
    if own:
        message = own[0]
        url = f"{base}/postpress/v1/messages/{message.id}"
        lines += [
            "",
            "Retrieve a LinkedIn message that the account sent, then take it back",
            f"(until {iso(message.sent_at + 60 * 60 * 1000)}):",
            "",
            f"  curl {url} -H 'X-API-KEY: {kept.key}'",
            f"  curl -X DELETE {url} -H 'X-API-KEY: {kept.key}'",
            "",
            "Watch it vanish from the other person's chat:",
            "",
            f"  {networks.sim}/_sim/network/linkedin/chats/{message.chat_provider_id}",
        ]
    shown = {name: next((each for each in platforms if each.startswith(f"{name}-")), None) for name in _SHOWN}
    if all(shown.values()):
        posted = _PICTURE.format(
            base=base,
            key=kept.key,
            platforms=", ".join(f'"{each}"' for each in shown.values()),
            sim=networks.sim,
            networks=" ".join(shown),
        )
        what = (
            "Post a picture to Bluesky, Mastodon and X, look at it there, take it down from all, and delete the group:"
        )
        lines += ["", what, "", *(f"  {line}" for line in posted.strip().splitlines())]
    return "\n".join([*lines, "", "Stop with Ctrl-C. The next start has the same keys, ids and chats.", ""])


async def _platforms(house: House, caller: Caller) -> list[str]:
    """The platform ids of the accounts that take posts."""
    found = (await house.services.accounts.list(caller)).items
    return sorted(f"{each.provider}-{each.provider_id}" for each in found if each.takes_posts)


_SHOWN = ("bluesky", "mastodon", "twitter")
_PICTURE = """
api={base}/postpost/api/v1; key={key}
json() {{ python3 -c 'import json,sys; print(json.load(sys.stdin)["'$1'"])'; }}
post() {{ curl -s -X $1 $api/$2 -H "x-api-key: $key" -H 'Content-Type: application/json' -d "$3"; }}
group=$(post POST create-post '{{"content": "Hello from Postroom", "platforms": [{platforms}]}}' | json postGroupId)
file='"fileName": "dot.png", "contentType": "image/png", "type": "image"'
put=$(post POST get-upload-url '{{"postGroupId": "'$group'", '"$file"'}}' | json uploadUrl)
echo iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg== | base64 -d \\
  | curl -s -X PUT "$put" -H 'Content-Type: image/png' --data-binary @-
post PUT update-post/$group '{{"status": "scheduled"}}'; echo
sleep 2; curl -s $api/get-post/$group -H "x-api-key: $key"; echo
for network in {networks}; do curl -s {sim}/_sim/network/$network/posts; echo; done
curl -s -X POST {base}/api/post-groups/$group/take-down -H "x-api-key: $key"; echo
curl -s -X DELETE $api/delete-post/$group -H "x-api-key: $key"
"""
