"""The library: files for posts, where they are used, and whether anything lies in the store that nobody needs."""

from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse

from postroom.domain.access import Scope
from postroom.domain.media import MediaItem
from postroom.errors import InvalidParameters
from postroom.services.library import Figures
from postroom.web.dashboard.compose import MOST_UPLOAD_BYTES, MOST_UPLOADS, keep
from postroom.web.dashboard.routes import Page, get, post
from postroom.web.dashboard.visit import Visit

# A browser asks each time whether it may show what it has: a file that was deleted is shown to nobody.
_ASKED_FOR = "private, no-cache"


async def index(visit: Visit) -> Response:
    """`/library`: all files, newest first."""
    return await _shown(visit)


async def _shown(visit: Visit, figures: Figures | None = None) -> Response:
    found = await visit.services.library.list(visit.caller, cursor=visit.query.get("cursor") or None)
    return visit.page("library/index.html", found=found, figures=figures)


async def figures(visit: Visit) -> Response:
    """`/library/figures`: what is in the store, and what of it nobody needs."""
    found = await visit.services.library.figures(visit.caller)
    return visit.part("library/_figures.html", figures=found) if visit.is_part else await _shown(visit, found)


async def upload(visit: Visit) -> Response:
    """`/library/upload`: files of a form. To the compose page's script: what it then shows of them."""
    sent = visit.files("upload")
    if not sent:
        raise InvalidParameters("Choose a file first.")
    made = [await _kept(visit, each) for each in sent]
    if visit.is_part:
        return visit.part("posts/_files.html", files=[(each, each.alt_text) for each in made])
    return visit.go("/library", "It is kept." if len(made) == 1 else f"{len(made)} files are kept.")


async def _kept(visit: Visit, file: UploadFile) -> MediaItem:
    try:
        return await keep(visit, file)
    except InvalidParameters as error:
        raise InvalidParameters(f"{file.filename}: {error.detail}", code=error.code, kind=error.kind) from error


async def choose(visit: Visit) -> Response:
    """`/library/choose`: for the compose page's script, a file of the library as the form has it."""
    found = await visit.services.library.get(visit.caller, [visit.query.get("file", "")])
    return visit.part("posts/_files.html", files=[(each, each.alt_text) for each in found])


async def delete(visit: Visit) -> Response:
    """`/library/{id}/delete`: posts that have the file keep it."""
    await visit.services.library.delete(visit.caller, visit.path["id"])
    return visit.go("/library", "It is deleted from the library.")


async def file(visit: Visit) -> Response:
    """`/library/{id}/file`: its bytes, as a download that no browser interprets."""
    found = await visit.services.library.open(visit.caller, visit.path["id"])
    headers = {
        "content-disposition": "attachment; filename*=UTF-8''" + quote(found.file_name),
        "content-length": str(found.size_bytes),
        "cache-control": _ASKED_FOR,
        "etag": found.etag,
    }
    if _has(visit, found.etag):
        return _unchanged(found.etag)
    return StreamingResponse(found.chunks(), headers=headers, media_type=found.content_type)


async def thumbnail(visit: Visit) -> Response:
    """`/library/{id}/small`: an image of some hundred pixels a side. Of the same bytes it is always the same."""
    (item,) = await visit.services.library.get(visit.caller, [visit.path["id"]])
    tag = f'"small-{(item.blob_key or item.id)[-26:]}"'
    if _has(visit, tag):
        return _unchanged(tag)
    found = await visit.services.library.thumbnail(visit.caller, item.id)
    headers = {"cache-control": _ASKED_FOR, "etag": tag}
    return Response(found.content, headers=headers, media_type=found.content_type)


def _has(visit: Visit, tag: str) -> bool:
    """Whether the browser has it already, as it says. To be asked once it is known that the file is there."""
    told = visit.request.headers.get("if-none-match", "")
    return tag in (each.strip().removeprefix("W/") for each in told.split(","))


def _unchanged(tag: str) -> Response:
    return Response(status_code=304, headers={"cache-control": _ASKED_FOR, "etag": tag})


PAGES: list[Page] = [
    get("/library", index),
    get("/library/figures", figures),
    get("/library/choose", choose, Scope.PUBLISH),
    get("/library/{id}/file", file),
    get("/library/{id}/small", thumbnail),
    Page(
        method="POST",
        path="/library/upload",
        handler=upload,
        scope=Scope.PUBLISH,
        most_bytes=MOST_UPLOAD_BYTES,
        most_files=MOST_UPLOADS,
    ),
    post("/library/{id}/delete", delete, Scope.DELETE),
]
