"""Uploaded files: the row is the media item, its bytes are a blob; and what their first bytes say they are."""

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
    width: int | None = None
    """In pixels, as the image is to be seen (its orientation applied); None: not known, as with videos."""
    height: int | None = None


HEAD_BYTES = 4096
"""How many of a file's first bytes say what it is."""

_SIGNATURES = (
    # PNG 3rd edition, 5.2; JFIF 1.02; GIF89a; BMP; TIFF 6.0, section 2. Checked 2026-11-21.
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
_STILL_BRANDS = frozenset((b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
"""ISO files that hold images: HEIF and AVIF."""
_SOUND_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P "))
_OLD_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


def type_of(head: bytes) -> str | None:
    """The media type that a file's first bytes (`HEAD_BYTES` of them) say; None: no image or video known here.

    Source: the signatures above; ISO 14496-12, 4.3 and the QuickTime file format (brands); RFC 8794, 11.2.4 (EBML
    DocType); WebP and AVI as RIFF forms. Checked 2026-11-21.
    """
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in _STILL_BRANDS or brand in _SOUND_BRANDS:
            return None
        return "video/quicktime" if brand == b"qt  " else "video/mp4"
    if head[4:8] in _OLD_QUICKTIME:
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        _, found_doctype, rest = head.partition(b"\x42\x82")
        if found_doctype and rest[1:5] == b"webm":
            return "video/webm"
        return "video/x-matroska" if rest[1:9] == b"matroska" else None
    return None


def kind_of(content_type: str) -> MediaKind:
    """Whether a type that `type_of` found is an image's or a video's."""
    return MediaKind.IMAGE if content_type.startswith("image/") else MediaKind.VIDEO
