"""The library of our own API: files kept for posts to come, beside those that posts have."""

from collections.abc import AsyncIterator

import msgspec

from postroom.dialects.native import wire, wire_posts
from postroom.dialects.native.chats import PAGE
from postroom.dialects.operation import RAW_BYTES, Operation, Parameter, Streamed
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.domain.media import MediaItem
from postroom.services.house import Services
from postroom.services.library import Kept

_MOST = 100
_COMMON = frozenset({400, 401, 403, 500, 503})
_ONE = _COMMON | {404}


class LibraryFile(msgspec.Struct, kw_only=True):
    """A file, and the post groups that have it. `in_library`: it is kept also when no post has it."""

    file: wire_posts.MediaFile
    in_library: bool
    post_groups: list[str]


class LibraryFiles(msgspec.Struct, kw_only=True):
    items: list[LibraryFile]
    cursor: str | None


async def list_media(services: Services, request: Request) -> LibraryFiles:
    limit = request.integer("limit", 50, 1, _MOST)
    found = await services.library.list(request.caller, cursor=request.text("cursor"), limit=limit)
    return LibraryFiles(items=[_kept(services, each) for each in found.items], cursor=found.next)


async def get_media(services: Services, request: Request) -> wire_posts.MediaFile:
    (found,) = await services.library.get(request.caller, [request.path["id"]])
    return _file(services, found)


async def upload_media(services: Services, request: Request) -> wire_posts.MediaFile:
    file_name, alt_text = request.text("file_name") or "file", request.text("alt_text") or ""
    found = await services.library.upload(request.caller, _whole(request.body), file_name=file_name, alt_text=alt_text)
    return _file(services, found)


async def get_media_file(services: Services, request: Request) -> Streamed:
    found = await services.library.open(request.caller, request.path["id"])
    return Streamed(content_type=found.content_type, size_bytes=found.size_bytes, chunks=found.chunks())


async def delete_media(services: Services, request: Request) -> wire.Done:
    await services.library.delete(request.caller, request.path["id"])
    return wire.Done(id=request.path["id"], done="deleted")


def _kept(services: Services, found: Kept) -> LibraryFile:
    groups = list(dict.fromkeys(each.group_id for each in found.uses))
    return LibraryFile(file=_file(services, found.file), in_library=found.in_library, post_groups=groups)


def _file(services: Services, found: MediaItem) -> wire_posts.MediaFile:
    """A file of the library has no address that is anybody's: only a post's has."""
    shown = wire_posts.media_file(found, services.media.file_url)
    return shown if found.post_group_id else msgspec.structs.replace(shown, url=None)


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


_ID = {"id": "The file's id: 24 hexadecimal digits."}

OPERATIONS = (
    Operation(
        name="list_media",
        method="GET",
        path="/media",
        summary="List the files of the library and of posts, newest first; those of the same content are one.",
        handler=list_media,
        answer=LibraryFiles,
        errors=_COMMON,
        parameters=(
            PAGE[0],
            Parameter(name="limit", summary=f"How many at most: 1 to {_MOST}, 50 if not said.", kind=int),
        ),
    ),
    Operation(
        name="upload_media",
        method="POST",
        path="/media",
        summary="Keep an image or a video for posts to come. What it is, its bytes say.",
        docs=f"The body is the file, of at most {RAW_BYTES >> 20} MiB; larger ones go to a post by `add_media`. Content that "
        "is there already is that file.",
        scope=Scope.PUBLISH,
        handler=upload_media,
        body=bytes,
        answer=wire_posts.MediaFile,
        status=201,
        errors=_COMMON | {409, 413, 415, 422},
        parameters=(
            Parameter(name="file_name", summary="Its name; `file` if not said."),
            Parameter(name="alt_text", summary="What it shows, for who cannot see it."),
        ),
    ),
    Operation(
        name="get_media",
        method="GET",
        path="/media/{id}",
        summary="Get a file of the library or of a post: what is known of it.",
        handler=get_media,
        answer=wire_posts.MediaFile,
        errors=_ONE,
        path_values=_ID,
    ),
    Operation(
        name="get_media_file",
        method="GET",
        path="/media/{id}/file",
        summary="Get the bytes of a file, as it was uploaded.",
        handler=get_media_file,
        answer=bytes,
        errors=_ONE,
        path_values=_ID,
    ),
    Operation(
        name="delete_media",
        method="DELETE",
        path="/media/{id}",
        summary="Delete a file from the library; posts that have it keep it. Its bytes go once nobody needs them.",
        scope=Scope.DELETE,
        handler=delete_media,
        answer=wire.Done,
        errors=_ONE,
        path_values=_ID,
    ),
)
