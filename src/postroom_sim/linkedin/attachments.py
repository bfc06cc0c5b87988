"""Render content: the union members a message carries, and their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin.model import Message
from postroom_sim.linkedin.store import Store

if TYPE_CHECKING:
    from postroom_sim.linkedin.model import Asset

Json = dict[str, Any]

UNION = (
    "audio",
    "file",
    "vectorImage",
    "video",
    "externalMedia",
    "forwardedMessageContent",
    "repliedMessageContent",
    "hostUrnData",
    "conversationAdsMessageContent",
    "messageAdRenderContent",
    "awayMessage",
    "videoMeeting",
    "unavailableContent",
)


def address(kind: str, asset_id: str, origin: str) -> str:
    return f"{origin}/linkedin/dms/prv/{kind}/{asset_id}/original"


def render(item: Json, message: Message, viewer: str, store: Store) -> Json:
    """One union: the member that is there, and null for all the others, as the web client gets it."""
    union: Json = {"_type": "com.linkedin.messenger.RenderContent", **dict.fromkeys(UNION)}
    name, value = _member(item, message, viewer, store)
    union[name] = value
    return union


def _member(item: Json, message: Message, viewer: str, store: Store) -> tuple[str, Any]:
    kind = item["kind"]
    origin = store.ground.origin
    if kind == "quote":
        return "repliedMessageContent", {"originalMessage": _quoted(item, message, viewer, store)}
    if kind == "feed_update":
        return "hostUrnData", {"type": "FEED_UPDATE", "hostUrn": item["urn"]}
    if kind == "host":
        return "hostUrnData", {"type": item["type"], "hostUrn": item["urn"]}
    if kind == "gif":
        media = {
            "url": f"{origin}/linkedin/dms/prv/gif/{item['asset']}/original",
            "originalHeight": 1,
            "originalWidth": 1,
        }
        return "externalMedia", {
            "title": item["title"], "entityUrn": f"urn:li:fsd_externalMedia:{item['asset']}", "media": media,
            "previewMedia": media,
        }  # fmt: skip
    if kind == "meeting":
        return "videoMeeting", {
            "title": item["title"], "startAt": item["starts_at"], "endAt": item["ends_at"],
            "entityUrn": f"urn:li:fsd_virtualMeeting:{item['id']}", "joinUrl": f"https://meet.example.test/{item['id']}",
        }  # fmt: skip
    asset = store.find_asset(item["asset"])
    assert asset is not None
    return _file(kind, item, asset, origin)


def _file(kind: str, item: Json, asset: Asset, origin: str) -> tuple[str, Json]:
    if kind == "photo":
        artifact = {
            "width": 400,
            "height": 300,
            "fileIdentifyingUrlPathSegment": "original",
            "expiresAt": 1924992000000,
        }
        small = {"width": 100, "height": 75, "fileIdentifyingUrlPathSegment": "small", "expiresAt": 1924992000000}
        return "vectorImage", {
            "digitalmediaAsset": f"urn:li:digitalmediaAsset:{asset.id}",
            "rootUrl": f"{origin}/linkedin/dms/prv/image/{asset.id}/",
            "artifacts": [small, artifact],
        }
    if kind == "audio":
        return "audio", {"duration": item["duration"], "url": address("audio", asset.id, origin)}
    if kind == "video":
        stream = {
            "streamingLocations": [{"url": address("video", asset.id, origin), "expiresAt": 1924992000000}],
            "size": asset.size, "bitRate": 512000, "width": 640, "height": 360, "mediaType": asset.media_type,
        }  # fmt: skip
        return "video", {
            "media": f"urn:li:digitalmediaAsset:{asset.id}", "trackingId": "c2ltdWxhdGVkLXZpZGVvIQ==",
            "thumbnail": None, "progressiveStreams": [stream], "duration": item.get("duration", 1000),
        }  # fmt: skip
    return "file", {
        "assetUrn": f"urn:li:digitalmediaAsset:{asset.id}", "byteSize": asset.size, "mediaType": asset.media_type,
        "name": asset.name, "url": address("file", asset.id, origin),
    }  # fmt: skip


def _quoted(item: Json, message: Message, viewer: str, store: Store) -> Json:
    """The quoted message as it was when it was quoted: LinkedIn goes on serving this after a recall."""
    text = item["text"]
    if store.ground.switches["quotes_follow_recall"]:
        original = store.find_message(item["message_id"])
        text = original.text if original is not None else ""
    sender = store.member(item["sender_id"])
    return {
        "_type": "com.linkedin.messenger.Message",
        "entityUrn": urn.message(viewer, item["message_id"]),
        "backendUrn": f"urn:li:messagingMessage:{item['message_id']}",
        "backendConversationUrn": f"urn:li:messagingThread:{message.thread_id}",
        "body": {"_type": "com.linkedin.pemberly.text.AttributedText", "text": text, "attributes": []},
        "deliveredAt": item["sent_at"],
        "messageBodyRenderFormat": "DEFAULT",
        "sender": {
            "_type": "com.linkedin.messenger.MessagingParticipant",
            "entityUrn": urn.participant(sender.id),
            "hostIdentityUrn": urn.profile(sender.id),
            "backendUrn": f"urn:li:member:{sender.number}",
        },
    }
