"""Uploads, and the files behind attachments and profile pictures."""

from __future__ import annotations

import base64
import struct
import zlib
from urllib.parse import quote

from postroom_sim.linkedin.model import Asset, Member
from postroom_sim.linkedin.reads import bad_request
from postroom_sim.linkedin.store import Store
from postroom_sim.network import Answer, Call, Refused, json_answer

# Source: mautrix/linkedin 525a6e3 (May 2026), capabilities: attachments up to 20 MiB.
LARGEST_FILE_BYTES = 20 * 1024 * 1024
_TYPES = (
    "MESSAGING_PHOTO_ATTACHMENT",
    "MESSAGING_FILE_ATTACHMENT",
    "MESSAGING_VIDEO_ATTACHMENT",
    "VOICE_MESSAGE",
)


def new_asset_id(store: Store) -> str:
    return "D4E06AQ" + base64.urlsafe_b64encode(store.chance().randbytes(11)).decode().rstrip("=")


def upload_metadata(call: Call, store: Store, me: Member) -> Answer:
    request = call.json()
    if not isinstance(request, dict) or request.get("mediaUploadType") not in _TYPES:
        raise bad_request()
    size, name = request.get("fileSize"), request.get("filename")
    if not isinstance(size, int) or not 0 < size <= LARGEST_FILE_BYTES or not isinstance(name, str) or not name:
        raise bad_request()
    id = new_asset_id(store)
    store.add_asset(Asset(id, me.id, request["mediaUploadType"], name, "application/octet-stream", size, None))
    value = {
        "urn": f"urn:li:digitalmediaAsset:{id}",
        "singleUploadUrl": f"{store.ground.origin}/linkedin/dms-uploads/{id}/0?ca=vector_messaging",
        "singleUploadHeaders": {},
        "mediaArtifactUrn": f"urn:li:digitalmediaMediaArtifact:(urn:li:digitalmediaAsset:{id},urn:li:original)",
        "recipes": [],
        "assetRealtimeTopic": f"urn:li-realtime:mediaAssetStatusTopic:{id}",
        "pollingUrl": f"{store.ground.origin}/linkedin/dms-uploads/{id}/status",
        "type": "SINGLE",
    }
    if "voyagerMediaUploadMetadata" in call.path:
        return json_answer({"value": value})
    return json_answer(
        {"data": {"value": value}, "included": []}, media_type="application/vnd.linkedin.normalized+json+2.1"
    )


def upload(call: Call, store: Store, me: Member) -> Answer:
    asset = store.find_asset(_asset_in(call.path))
    if asset is None or asset.owner != me.id:
        raise Refused(Answer(404))
    if len(call.body) != asset.size:
        raise Refused(Answer(400))
    media_type = call.headers.get("content-type", "application/octet-stream")
    store.database.execute(
        "UPDATE linkedin_assets SET bytes = ?, media_type = ? WHERE id = ?", (call.body, media_type, asset.id)
    )
    return Answer(201)


def serve(call: Call, store: Store) -> Answer:
    asset = store.find_asset(_asset_in(call.path), with_bytes=True)
    if asset is None or asset.bytes is None:
        raise Refused(Answer(404))
    disposition = f"attachment; filename*=UTF-8''{quote(asset.name)}"
    return Answer(200, asset.bytes, {"content-type": asset.media_type, "content-disposition": disposition})


def _asset_in(path: str) -> str:
    """.../dms-uploads/<id>/0 and .../dms/prv/<kind>/<id>/<artifact> both name the asset last but one."""
    return path.split("/")[-2]


def picture(red: int, green: int, blue: int) -> bytes:
    """A small plain PNG."""
    width, height = 32, 24
    rows = (b"\x00" + bytes((red, green, blue)) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


GIF = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=")
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00\x00\x00\x08mdat"
M4A = b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42" + b"\x00\x00\x00\x08mdat"
