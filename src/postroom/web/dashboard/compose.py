"""Writing posts: one text for several networks, each counted and shown as that network takes it."""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from starlette.datastructures import UploadFile
from starlette.responses import Response

from postroom.domain.access import Scope
from postroom.domain.media import MediaItem
from postroom.domain.posts import GroupStatus
from postroom.errors import Conflict, InvalidParameters, Kind, NotFound, PostroomError
from postroom.ids import new_ulid
from postroom.services.composing import Expiry, Extras
from postroom.services.fittings import Preview
from postroom.services.outcomes import Story
from postroom.services.posts import Change
from postroom.web.dashboard.calendar import Zone, moved, zone_of
from postroom.web.dashboard.failures import status_of
from postroom.web.dashboard.routes import Page, get, post
from postroom.web.dashboard.visit import Visit
from postroom.web.dashboard.wishes import WISHES

MOST_UPLOAD_BYTES = 1 << 30
MOST_UPLOADS = 20
_CHUNK = 1 << 16


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the form."""

    content: str = ""
    platforms: Sequence[str] = ()
    files: Sequence[str] = ()
    alt_texts: Sequence[str] = ()
    without: Sequence[str] = ()
    """Ids of files that the post has and is to have no more."""
    when: str = "draft"
    at: str = ""
    expires: str = ""
    expires_then: str = "keep"
    settings: Mapping[str, Mapping[str, str]] = {}
    version: int | None = None
    once: str = ""
    """The same when a form is sent twice: it is one post."""


async def new(visit: Visit) -> Response:
    """`/posts/new`: empty, or with a day, a file, or what another post says."""
    zone = zone_of(visit.request)
    written = Written(once=_once(visit), platforms=visit.request.query_params.getlist("to"))
    like, day = visit.query.get("like"), visit.query.get("day")
    if like:
        view = await visit.services.posts.get(visit.caller, like)
        written = msgspec.structs.replace(
            written,
            content=view.group.content,
            platforms=view.group.platforms,
            files=[each.id for each in view.media if each.blob_key is not None],
            alt_texts=[each.alt_text for each in view.media if each.blob_key is not None],
            settings=msgspec.json.decode(view.group.platform_settings),
        )
    if visit.query.get("file"):
        written = msgspec.structs.replace(written, files=[visit.query["file"]])
    if day:
        now = visit.now_ms
        at = moved(zone, None, now, day, visit.query.get("hour", ""))
        written = msgspec.structs.replace(written, when="at", at=zone.field(at))
    return await _form(visit, written)


async def edit(visit: Visit) -> Response:
    """`/posts/{id}/edit`: what has not begun to go out."""
    story = await _editable(visit)
    group, zone = story.group, zone_of(visit.request)
    scheduled = group.status is GroupStatus.SCHEDULED
    written = Written(
        content=group.content,
        platforms=group.platforms,
        when="at" if scheduled else "draft",
        at=zone.field(group.scheduled_at),
        settings=msgspec.json.decode(group.platform_settings),
        version=group.updated_at,
    )
    return await _form(visit, written, story)


async def preview(visit: Visit) -> Response:
    """`/posts/preview`: how what stands in the form would go out, counted here as it is when it is published."""
    written = _written(visit)
    story = await _story_of(visit)
    files = await _files(visit, written, story)
    return visit.part("posts/_previews.html", previews=await _previews(visit, written, files), shown=files)


async def create(visit: Visit) -> Response:
    """`/posts/new`: kept as a draft, scheduled, or sent out. Sent twice it is one post."""
    written = await _uploaded(visit, _written(visit))
    try:
        at = await _checked(visit, written, None)
        return await _created(visit, written, at)
    except PostroomError as error:
        if error.kind is Kind.KEY_REUSED:
            # Who sends it once more after having read that means another post.
            written = msgspec.structs.replace(written, once=_once(visit))
        return await _form(visit, written, wrong=error)


async def _created(visit: Visit, written: Written, at: int | None) -> Response:
    idempotency, key = visit.services.idempotency, f"compose:{written.once}"
    fingerprint = hashlib.sha256(msgspec.json.encode(written)).digest()
    try:
        before = await idempotency.begin(visit.caller, key, fingerprint, repeatable=False)
    except Conflict as error:
        said = "This form was sent before, with other words. Its post is among the others: change it there. Nothing was done."
        if error.kind in (Kind.IN_FLIGHT, Kind.CUT_OFF):
            said = "This form was sent already, and may have been kept: look among the posts before you send it again."
        raise Conflict(said, kind=error.kind) from error
    if before is not None:
        return visit.go(f"/posts/{before[1].decode()}", "It was kept the first time; nothing was done again.", "plain")
    try:
        made = await visit.services.composing.create(
            visit.caller,
            _extras(visit, written),
            content=written.content,
            platforms=written.platforms,
            scheduled_at=at,
            platform_settings=written.settings,
        )
    except PostroomError:
        await idempotency.forget(visit.caller, key)
        raise
    await idempotency.finish(visit.caller, key, 303, made.group.id.encode())
    return visit.go(f"/posts/{made.group.id}", _said(visit, written, at))


async def change(visit: Visit) -> Response:
    """`/posts/{id}/edit`: as it now stands in the form."""
    story = await _editable(visit)
    written = await _uploaded(visit, _written(visit))
    try:
        at = await _checked(visit, written, story)
        wanted = Change(
            status=GroupStatus.DRAFT if at is None else GroupStatus.SCHEDULED,
            scheduled_at=at,
            content=written.content,
            platforms=tuple(written.platforms),
            platform_settings=written.settings,
            version=written.version,
        )
        await visit.services.composing.update(visit.caller, story.group.id, wanted, _extras(visit, written))
    except PostroomError as error:
        return await _form(visit, written, story, wrong=error)
    return visit.go(f"/posts/{story.group.id}", _said(visit, written, at))


async def _form(
    visit: Visit, written: Written, story: Story | None = None, wrong: PostroomError | None = None
) -> Response:
    try:
        files = await visit.services.library.get(visit.caller, written.files)
    except NotFound:
        # One of them was deleted meanwhile: the others are chosen again.
        written = msgspec.structs.replace(written, files=(), alt_texts=())
        files = []
    own = [] if story is None else list(story.files)
    shown = [each for each in own if each.id not in written.without] + list(files)
    targets = await visit.services.fittings.targets(visit.caller)
    networks = {each.provider for each in targets}
    held = {f"{each.provider}-{each.provider_id}" for each in targets}
    return visit.page(
        "posts/compose.html",
        200 if wrong is None else status_of(wrong),
        written=written,
        story=story,
        files=list(zip(files, written.alt_texts or [each.alt_text for each in files], strict=False)),
        targets=targets,
        unlinked=[each for each in written.platforms if each not in held],
        previews=await _previews(visit, written, shown),
        shown=shown,
        wishes=[each for each in WISHES if each.network in networks],
        library=(await visit.services.library.list(visit.caller, limit=24)).items,
        zone=zone_of(visit.request, visit.text("zone")),
        now=visit.now_ms,
        wrong=None if wrong is None else wrong.detail,
    )


def _written(visit: Visit) -> Written:
    settings: dict[str, dict[str, str]] = {}
    for wish in WISHES:
        value = visit.text(wish.field)
        if value:
            settings.setdefault(wish.network, {})[wish.name] = value
    content = visit.form.get("content")
    return Written(
        # A form's lines end as in mail.
        content=content.replace("\r\n", "\n") if isinstance(content, str) else "",
        platforms=list(dict.fromkeys(visit.texts("platforms"))),
        files=visit.texts("file"),
        alt_texts=visit.texts("alt"),
        without=visit.texts("without"),
        when=visit.text("when", "draft"),
        at=visit.text("at"),
        expires=visit.text("expires"),
        expires_then=visit.text("expires_then", "keep"),
        settings=settings,
        version=int(visit.text("version")) if visit.text("version").isdecimal() else None,
        once=visit.text("once"),
    )


async def _uploaded(visit: Visit, written: Written) -> Written:
    """With the files that came with the form itself, as where there is no script: they are in the library then."""
    sent = visit.files("upload")
    if not sent:
        return written
    made = [await keep(visit, each) for each in sent]
    return msgspec.structs.replace(
        written,
        files=[*written.files, *(each.id for each in made)],
        alt_texts=[*written.alt_texts, *("" for _ in made)],
    )


async def keep(visit: Visit, file: UploadFile) -> MediaItem:
    """Take a file of a form into the library."""

    async def chunks() -> AsyncIterator[bytes]:
        while chunk := await file.read(_CHUNK):
            yield chunk

    return await visit.services.library.upload(visit.caller, chunks(), file_name=file.filename or "file")


async def _checked(visit: Visit, written: Written, story: Story | None) -> int | None:
    """When it is to go out; None: it is a draft. What would fail at a network is not sent there.

    Raises:
        InvalidParameters: it cannot go out as it stands.
    """
    if written.when == "draft":
        return None
    at = visit.now_ms
    if written.when == "at":
        moment = _zone(visit).moment(written.at)
        if moment <= at:
            raise InvalidParameters("That moment has passed: choose a later one, or have it go out now.")
        at = moment
    if not written.platforms:
        raise InvalidParameters("Choose at least one account, or keep it as a draft.", kind=Kind.PLATFORMS)
    files = await _files(visit, written, story)
    if not written.content.strip() and not files:
        raise InvalidParameters("There is nothing to post yet: write something, or add a file.", kind=Kind.CONTENT)
    if any(each.problems for each in await _previews(visit, written, files)):
        raise InvalidParameters("It does not fit everywhere yet: see the previews. A draft can be kept as it is.")
    return at


async def _files(visit: Visit, written: Written, story: Story | None) -> list[MediaItem]:
    own = [] if story is None else [each for each in story.files if each.id not in written.without]
    return own + list(await visit.services.library.get(visit.caller, written.files))


async def _previews(visit: Visit, written: Written, files: Sequence[MediaItem]) -> Sequence[Preview]:
    return await visit.services.fittings.previews(visit.caller, written.content, written.platforms, files)


def _extras(visit: Visit, written: Written) -> Extras:
    expiry = None
    if written.expires:
        # Who says when live posts are taken down must be one who may take them down now.
        visit.services.access.require(visit.caller, Scope.DELETE)
        expiry = Expiry(at=_zone(visit).moment(written.expires), delete_group=written.expires_then == "delete")
    return Extras(expiry=expiry, files=written.files, alt_texts=written.alt_texts, without=written.without)


async def _editable(visit: Visit) -> Story:
    story = await visit.services.outcomes.of(visit.caller, visit.path["id"])
    if not story.editable:
        raise Conflict("It has begun to go out: it cannot be changed any more.", kind=Kind.PUBLISHING)
    return story


async def _story_of(visit: Visit) -> Story | None:
    group_id = visit.text("group")
    return await visit.services.outcomes.of(visit.caller, group_id) if group_id else None


def _zone(visit: Visit) -> Zone:
    return zone_of(visit.request, visit.text("zone"))


def _once(visit: Visit) -> str:
    return new_ulid(_zone(visit).at(visit.now_ms))


def _said(visit: Visit, written: Written, at: int | None) -> str:
    if at is None:
        return "It is kept as a draft."
    return f"It goes out on {_zone(visit).at(at):%A %-d %B at %H:%M}." if written.when == "at" else "It is on its way."


def _large(path: str, handler: Any) -> Page:
    return Page(
        method="POST",
        path=path,
        handler=handler,
        scope=Scope.PUBLISH,
        most_bytes=MOST_UPLOAD_BYTES,
        most_files=MOST_UPLOADS,
    )


PAGES: list[Page] = [
    get("/posts/new", new, Scope.PUBLISH),
    _large("/posts/new", create),
    post("/posts/preview", preview, Scope.PUBLISH),
    get("/posts/{id}/edit", edit, Scope.PUBLISH),
    _large("/posts/{id}/edit", change),
]
