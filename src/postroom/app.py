"""The composition root: makes the database, the blobs, the connectors and the services, and mounts what speaks to callers."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec
from starlette.middleware.cors import CORSMiddleware

from postroom.clock import Clock
from postroom.clock import now as this_machines_clock
from postroom.connectors.guarded import Guard, guarded_http
from postroom.connectors.http import Http
from postroom.connectors.outlets import Outlets
from postroom.connectors.registry import Registry, RegistryError, installed
from postroom.dialects.connectsafely import operations as connectsafely
from postroom.dialects.connectsafely.events import Events as ConnectSafelyEvents
from postroom.dialects.connectsafely.webhooks import EVENTS as CONNECTSAFELY_EVENTS
from postroom.dialects.connectsafely.webhooks import Payloads as ConnectSafelyPayloads
from postroom.dialects.native import operations as native
from postroom.dialects.native.events import Events as NativeEvents
from postroom.dialects.native.events import payload as native_payload
from postroom.dialects.postpost import operations as postpost
from postroom.dialects.postpost.webhooks import EVENTS as POSTPOST_EVENTS
from postroom.dialects.postpost.webhooks import payload as postpost_payload
from postroom.dialects.postpress import operations as postpress
from postroom.dialects.postpress.deliveries import EVENTS as POSTPRESS_EVENTS
from postroom.dialects.postpress.deliveries import Payloads as PostPressPayloads
from postroom.domain.addresses import LOOPBACK
from postroom.domain.events import EventType
from postroom.domain.limits import Limits
from postroom.domain.webhooks import Format, Vocabulary
from postroom.errors import Unavailable
from postroom.ids import new_ulid
from postroom.mcp.http import agents as agents_app
from postroom.services.access import Access
from postroom.services.accounts import Accounts
from postroom.services.attachments import Attachments
from postroom.services.attendees import Attendees
from postroom.services.backfill import Backfill
from postroom.services.chains import Chains
from postroom.services.chats import Chats
from postroom.services.checkups import Checkups
from postroom.services.composing import Composing
from postroom.services.connections import Connections
from postroom.services.deadlines import Deadlines
from postroom.services.deferrals import Deferrals
from postroom.services.deferred_work import DeferredWork
from postroom.services.deletions import Deletions, Powers
from postroom.services.deliveries import Deliveries
from postroom.services.delivery_log import DeliveryLog
from postroom.services.engagement import Engagement
from postroom.services.events import Events
from postroom.services.fittings import Fittings
from postroom.services.health import Health
from postroom.services.hosted_links import HostedLinks
from postroom.services.house import Services
from postroom.services.idempotency import Idempotency
from postroom.services.images import Images
from postroom.services.ingest import Ingest
from postroom.services.library import Library
from postroom.services.listeners import Listeners
from postroom.services.managed_users import ManagedUsers
from postroom.services.media import Media, MediaLimits
from postroom.services.messages import Messages
from postroom.services.outcomes import Outcomes
from postroom.services.outreach import Outreach
from postroom.services.overview import Overview
from postroom.services.people import People
from postroom.services.post_lists import PostLists
from postroom.services.post_logs import PostLogs
from postroom.services.posts import Posts
from postroom.services.previews import Previews
from postroom.services.publishing import Publishing
from postroom.services.quota import Quota
from postroom.services.recalls import Recalls
from postroom.services.receipts import Receipts
from postroom.services.refreshing import Refreshing
from postroom.services.restores import Restores
from postroom.services.resyncs import Resyncs
from postroom.services.retries import Retries
from postroom.services.searching import Searching
from postroom.services.sessions import Sessions
from postroom.services.simulation import Simulation
from postroom.services.sync import Sync
from postroom.services.takedown_calls import TakedownCalls
from postroom.services.takedown_outcomes import TakedownOutcomes
from postroom.services.takedowns import Takedowns
from postroom.services.telling import Payload, Teller
from postroom.services.threads import Threads
from postroom.services.upkeep import Retention, Upkeep
from postroom.services.webhooks import Webhooks
from postroom.settings import Settings, WrongSetting, shown
from postroom.store.blobs import Blobs
from postroom.store.database import Database
from postroom.store.keyring import Keyring
from postroom.store.notify import Notifier
from postroom.store.postgres import PostgresDatabase
from postroom.store.sqlite import SqliteDatabase
from postroom.web.callbacks import callbacks as callbacks_app
from postroom.web.connect import connect as connect_app
from postroom.web.dashboard import SEGMENTS, Dashboard, dashboard
from postroom.web.gate import Hosts, dated, in_time, plain, wants_page
from postroom.web.media import media as media_app
from postroom.web.stream import View
from postroom.web.stream import stream as stream_app
from postroom.worker import Work, Worker

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


class House(msgspec.Struct, frozen=True, kw_only=True):
    """One server, put together and not yet listening."""

    database: Database
    notifier: Notifier
    http: Http
    guarded: Http
    fetching: Http
    """For addresses that callers give."""
    connectors: Registry
    services: Services
    sync: Sync
    worker: Worker
    listeners: Listeners
    deliveries: Deliveries
    upkeep: Upkeep
    restores: Restores
    dashboard: Dashboard
    app: Asgi

    async def close(self) -> None:
        """Let go of everything; what was acknowledged is durable already."""
        await self.connectors.close()
        await self.http.close()
        await self.guarded.close()
        await self.fetching.close()
        await self.notifier.close()
        await self.database.close()
        self.database.keyring.close()


async def build(settings: Settings, *, public_url: str, now: Clock, sandbox: bool, control: str = "") -> House:
    """Put a server together. `control`: where the networks of a sandbox are told what to do.

    Raises:
        WrongSetting, NewerDatabase, WrongMasterKey: it cannot start; one line says why.
    """
    keyring = open_keyring(settings)
    database = await open_database(settings, keyring)
    notifier = Notifier(settings.database_url or None)
    await notifier.start()
    blobs = open_blobs(settings)
    http = Http(read_seconds=settings.provider_seconds)
    guard = Guard([*map(ip_network, settings.allowed_networks), *(LOOPBACK if sandbox else ())])
    guarded = guarded_http(guard)
    fetching = guarded_http(guard, whole_seconds=120.0, max_bytes=1 << 28)
    try:
        callback_url = f"{public_url.rstrip('/')}/callbacks/oauth"
        # Of its own, since what homeservers tell at once is longer than what other given addresses may answer.
        abroad = guarded_http(guard, max_bytes=1 << 24)
        registry = installed(http, callback_url, now, settings.providers, guarded=abroad, outlets=Outlets(guard))
    except RegistryError as error:
        raise WrongSetting(str(error)) from error
    owner = new_ulid(now())
    deadlines = Deadlines(database, registry.powers, now)
    events = Events(database, notifier, deadlines, now)
    receipts = Receipts(database, now)
    chains = Chains(database, now)
    connections = Connections(database, notifier, registry, events, now, owner)
    ingest = Ingest(database, notifier, connections, events, now)
    messages = Messages(database, connections, ingest, now)
    images = Images(at_once=settings.images_at_once, most_pixels=settings.most_image_pixels)
    media = Media(
        database,
        notifier,
        blobs,
        images,
        connections.images_of,
        now,
        public_url=public_url,
        limits=MediaLimits(most_bytes=settings.most_media_bytes, most_image_bytes=settings.most_image_bytes),
    )
    post_logs = PostLogs(database, now)
    quota = Quota(_limits(settings), now)
    posts = Posts(database, notifier, connections, events, post_logs, quota, now)
    accounts = Accounts(database, notifier, connections, ingest, posts, events, receipts, quota, now)
    access = Access(database, now, sandbox=sandbox)
    recalls = Recalls(database, notifier, connections, messages, events, receipts, now)
    deferrals = Deferrals(database, notifier, connections, messages, recalls, events, now)
    taken_down = TakedownOutcomes(notifier, posts, events, receipts, now)
    takedowns = Takedowns(database, notifier, connections, posts, receipts, taken_down, now)
    library = Library(database, media, images, now)
    attachments = Attachments(database, posts, media, fetching, now)
    hosted = HostedLinks(database, guard, guarded, now, public_url=public_url)
    chats = Chats(database, connections, ingest, events, now)
    engagement = Engagement(database, connections, now)
    webhooks = Webhooks(database, notifier, guard, events, _vocabularies(), now)
    fittings = Fittings(database, connections)
    deletions = Deletions(
        database,
        Previews(registry, access, accounts, messages, posts, webhooks, deadlines, fittings),
        Powers(
            access=access,
            accounts=accounts,
            engagement=engagement,
            posts=posts,
            recalls=recalls,
            takedowns=takedowns,
            webhooks=webhooks,
        ),
        receipts,
        now,
    )
    sync = Sync(database, connections, ingest, Backfill(database, ingest, events, now), now)
    teller = Teller(database, guarded, events, _payloads(events), now)
    services = Services(
        access=access,
        # Whoever moves the clock of a sandbox stays signed in: cookies go by this machine's.
        sessions=Sessions(
            database, access, this_machines_clock, lives=timedelta(hours=settings.session_hours), sandbox=sandbox
        ),
        overview=Overview(database, now),
        hosted_links=hosted,
        managed_users=ManagedUsers(database, access, now, public_url=public_url),
        accounts=accounts,
        chats=chats,
        attendees=Attendees(database, connections, guarded),
        messages=messages,
        searching=Searching(chats, messages),
        threads=Threads(database, connections, messages, deadlines, now),
        outreach=Outreach(database, chats, messages, now, most_a_day=settings.limit_new_conversations or None),
        refreshing=Refreshing(database, connections, ingest, sync, accounts, chats),
        people=People(database, connections),
        recalls=recalls,
        deadlines=deadlines,
        deferrals=deferrals,
        deletions=deletions,
        posts=posts,
        composing=Composing(posts, attachments, library, takedowns, now),
        takedowns=takedowns,
        outcomes=Outcomes(database, connections, posts),
        retries=Retries(database, posts, quota, now),
        post_lists=PostLists(database),
        post_logs=post_logs,
        engagement=engagement,
        fittings=fittings,
        checkups=Checkups(database, connections, now),
        media=media,
        library=library,
        attachments=attachments,
        events=events,
        receipts=receipts,
        resyncs=Resyncs(database, accounts, ingest, now),
        chains=chains,
        idempotency=Idempotency(database, now),
        webhooks=webhooks,
        delivery_log=DeliveryLog(database, webhooks, teller, now),
        health=Health(database, media, now, lambda: shown(settings)),
        simulation=Simulation(http, accounts, control) if sandbox and control else None,
    )
    restores = Restores(database, accounts, posts, ingest, events, now)
    upkeep = Upkeep(database, accounts, chains, events, restores, _retention(settings), now)
    pages = dashboard(services, now, public_url=public_url)
    work = Work(
        accounts=accounts,
        deferrals=DeferredWork(database, notifier, connections, ingest, messages, recalls, deferrals, events, now),
        hosted_links=hosted,
        media=media,
        publishing=Publishing(database, media, connections, posts, events, receipts, post_logs, now),
        recalls=recalls,
        sync=sync,
        takedowns=takedowns,
        takedown_calls=TakedownCalls(database, connections, posts, taken_down),
        upkeep=upkeep,
    )
    return House(
        database=database,
        notifier=notifier,
        http=http,
        guarded=guarded,
        fetching=fetching,
        connectors=registry,
        services=services,
        sync=sync,
        worker=Worker(database, notifier, work, now, owner),
        listeners=Listeners(database, notifier, connections, ingest, now, owner),
        deliveries=Deliveries(database, notifier, teller, events, now, owner),
        upkeep=upkeep,
        restores=restores,
        dashboard=pages,
        app=_mounted(services, pages, settings, public_url, now, sandbox=sandbox),
    )


async def open_database(settings: Settings, keyring: Keyring) -> Database:
    """The server's database, made or brought up to date.

    Raises:
        WrongSetting, NewerDatabase: it cannot be opened.
    """
    if not settings.database_url:
        return SqliteDatabase(settings.data / "postroom.db", keyring)
    try:
        return await PostgresDatabase.connect(
            settings.database_url, keyring, most_connections=settings.database_connections
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise WrongSetting(f"POSTROOM_DATABASE_URL: the database cannot be opened: {error}") from error


def open_keyring(settings: Settings) -> Keyring:
    """The server's keys.

    Raises:
        WrongSetting, WrongMasterKey: they cannot be opened.
    """
    return Keyring(Path(settings.keyring_file or settings.data / "keyring.db"), _master_key(settings))


def _vocabularies() -> dict[Format, Vocabulary]:
    return {
        Format.NATIVE: {"": {type: (type,) for type in EventType}},
        Format.POSTPOST: {"": {type: (type,) for type in POSTPOST_EVENTS}},
        Format.POSTPRESS: POSTPRESS_EVENTS,
        Format.CONNECTSAFELY: {"": CONNECTSAFELY_EVENTS},
    }


def _payloads(events: Events) -> dict[Format, Payload]:
    return {
        Format.POSTPOST: postpost_payload,
        Format.NATIVE: native_payload,
        Format.POSTPRESS: PostPressPayloads(events),
        Format.CONNECTSAFELY: ConnectSafelyPayloads(events),
    }


def open_blobs(settings: Settings) -> Blobs:
    """Where media are kept; nobody is asked yet.

    Raises:
        WrongSetting: there is no such store.
    """
    options = {
        "endpoint": settings.media_endpoint,
        "region": settings.media_region,
        "access_key_id": settings.media_access_key,
        "secret_access_key": settings.media_secret_key,
    }
    try:
        return Blobs(
            settings.media_url or settings.data / "media", {name: value for name, value in options.items() if value}
        )
    except Unavailable as error:
        raise WrongSetting(f"POSTROOM_MEDIA_URL: {error.detail}") from error


def _paced(settings: Settings, sandbox: bool) -> bool:
    return not sandbox if settings.rate_limits is None else settings.rate_limits


def _mounted(
    services: Services, pages: Asgi, settings: Settings, public_url: str, now: Clock, *, sandbox: bool
) -> Asgi:
    paced = now if _paced(settings, sandbox) else None
    views: dict[str, View] = {
        "/api/events": NativeEvents(services),
        "/connectsafely/linkedin/ws": ConnectSafelyEvents(services),
    }
    stream = stream_app(services, views)
    most = settings.most_body_bytes
    mounts: dict[str, Asgi] = {
        "postpress": postpress.dialect(services, body_limit_bytes=most),
        "connectsafely": connectsafely.dialect(services, body_limit_bytes=most, paced=paced),
        "postpost": postpost.dialect(services, body_limit_bytes=most),
        "api": native.dialect(services, body_limit_bytes=most),
        "media": media_app(services),
        "callbacks": callbacks_app(services),
        "connect": connect_app(services),
        **dict.fromkeys(SEGMENTS, pages),
    }

    async def apis(scope: Scope, receive: Receive, send: Send) -> None:
        """What agents' tools ask."""
        await mounts["postpost" if scope["path"].startswith("/postpost/") else "api"](scope, receive, send)

    patience = settings.request_seconds
    mounts["mcp"] = agents_app(
        services.access, apis, public_url=public_url, origins=settings.cors_origins, body_seconds=patience
    )
    hosts = (
        None
        if "*" in settings.allowed_hosts
        else Hosts({settings.host, urlsplit(public_url).hostname or "", *settings.allowed_hosts})
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if hosts is not None and not hosts.allow(scope):
            await plain(scope, receive, send, 421, b"This server does not answer for that host.\n")
        elif scope["type"] == "websocket":
            await stream(scope, receive, send)
        else:
            first = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
            mounted = mounts.get(first) or (pages if wants_page(scope) else None)
            if mounted is None:
                await plain(scope, receive, send, 404, _WHERE, b"application/problem+json")
            else:
                # A GET has no body to wait for. Media take their own time: their addresses expire. Agents are told below.
                if scope["method"] != "GET" and first not in ("media", "mcp") and scope["path"] != "/library/upload":
                    receive = in_time(receive, patience)
                await mounted(scope, receive, dated(send, now) if sandbox and first == "api" else send)

    if not settings.cors_origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("*",),
        expose_headers=("Retry-After", "X-Request-Id"),
    )


_WHERE = (
    b'{"type": "urn:postroom:error:resource_not_found", "title": "Resource not found", "status": 404, "detail": '
    b'"Nothing is here. The APIs: /postpress/docs, /connectsafely/docs, /postpost/docs, /api/docs", '
    b'"code": "resource_not_found"}\n'
)


def _master_key(settings: Settings) -> bytes:
    if settings.master_key:
        return bytes.fromhex(settings.master_key)
    file = settings.data / "master.key"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(os.urandom(32).hex() + "\n")
            opened.flush()
            os.fsync(opened.fileno())
    try:
        key = bytes.fromhex(file.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise WrongSetting(f"{file} holds no master key: 64 hexadecimal digits are needed.")
    return key


def _limits(settings: Settings) -> Limits:
    return Limits(
        monthly_posts=settings.limit_monthly_posts or None,
        scheduled_posts=settings.limit_scheduled_posts or None,
        horizon_days=settings.limit_schedule_days or None,
        platforms=frozenset(settings.limit_platforms),
        connections=settings.limit_connections or None,
        plan_name=settings.limit_plan_name,
    )


def _retention(settings: Settings) -> Retention:
    return Retention(
        events=timedelta(days=settings.keep_events_days),
        tombstones=timedelta(days=settings.keep_tombstones_days) if settings.keep_tombstones_days else None,
        receipts=timedelta(days=settings.keep_receipts_days) if settings.keep_receipts_days else None,
        idempotency_keys=timedelta(hours=settings.keep_idempotency_hours),
    )
