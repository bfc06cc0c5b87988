"""Uploaded files: the row is the media item, its bytes are a blob."""

from enum import StrEnum

import msgspec


class MediaStatus(StrEnum):
    AWAITING = "awaiting"
    """An upload address was given out; no bytes yet."""
    STORED = "stored"


class MediaKind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"


class MediaItem(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a post group. Files are shown in the order in which their upload addresses were asked for."""

    id: str
    workspace_id: str
    post_group_id: str
    kind: MediaKind
    status: MediaStatus
    file_name: str
    content_type: str
    blob_key: str | None
    """Where the bytes are; None until they are stored."""
    size_bytes: int | None
    alt_text: str
    created_at: int
    upload_expires_at: int
