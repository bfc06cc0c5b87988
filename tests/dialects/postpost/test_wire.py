"""PostPost's objects: what a post's state looks like there."""

from typing import Any

import msgspec
import pytest

from postroom.dialects.postpost import reading, wire
from postroom.domain.posts import GroupStatus, Post, PostError, PostGroup, PostStatus
from postroom.services.posts import PostGroupView

AT = 1_779_010_931_000
GROUP = PostGroup(
    id="6" * 24,
    workspace_id="w",
    user_id="w",
    content="Hello",
    platforms=("bluesky-did:plc:x",),
    platform_settings="{}",
    status=GroupStatus.SCHEDULED,
    scheduled_at=AT,
    created_at=AT,
    updated_at=AT,
)
ERROR = PostError(
    code="PLATFORM_AUTH_EXPIRED",
    message="Link again.",
    retryable=False,
    failed_at=AT,
    platform_status_code=401,
    platform_error="Expired",
)


def post(status: PostStatus, **fields: Any) -> Any:
    made: dict[str, Any] = {
        "id": "7" * 24,
        "group_id": GROUP.id,
        "workspace_id": "w",
        "account_id": None,
        "platform": "bluesky",
        "platform_id": "did:plc:x",
        "status": status,
        "token": "t",
        "provider_id": None,
        "url": None,
        "error": None,
        "attempts": 0,
        "position": 0,
    }
    view = PostGroupView(group=GROUP, posts=[Post(**made | fields)], media=[])
    return msgspec.json.decode(msgspec.json.encode(wire.post_group(view)))["posts"][0]


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (PostStatus.DRAFT, "draft"),
        (PostStatus.PENDING, "scheduled"),
        (PostStatus.PROCESSING, "processing"),
        (PostStatus.PUBLISHED, "published"),
        (PostStatus.FAILED, "failed"),
        (PostStatus.UNCONFIRMED, "failed"),
    ],
)
def test_every_state_has_a_word_of_the_vendors(status: PostStatus, shown: str) -> None:
    assert post(status)["status"] == shown


def test_what_nobody_can_know_is_a_failure_that_says_so_and_is_not_to_be_retried() -> None:
    error = post(PostStatus.UNCONFIRMED)["error"]
    assert (error["code"], error["retryable"], error["platformError"]) == ("OUTCOME_UNKNOWN", False, None)
    assert error["failedAt"] == "2026-05-17T09:42:11.000Z"


def test_a_failure_is_shown_and_what_is_published_has_its_native_id() -> None:
    assert post(PostStatus.FAILED, error=ERROR)["error"] == {
        "code": "PLATFORM_AUTH_EXPIRED",
        "message": "Link again.",
        "platformStatusCode": 401,
        "platformError": "Expired",
        "failedAt": "2026-05-17T09:42:11.000Z",
        "retryable": False,
    }
    published = post(PostStatus.PUBLISHED, provider_id="at://x", error=None)
    assert published["postedId"] == "at://x"
    assert "error" not in published


def test_settings_are_laid_over_the_defaults_platform_by_platform() -> None:
    body = reading.NewPost(platform_settings={"youtube": {"title": "x"}, "tiktok": 5, "other": {"a": 1}})
    settings = reading.platform_settings(body)
    assert settings.keys() == {"tiktok", "instagram", "youtube", "threads"}
    assert settings["youtube"] == {"privacy": "public", "title": "x"}
    assert settings["tiktok"] == reading.DEFAULTS["tiktok"]


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("my photo (1).jpg", "my_photo_1.jpg"),
        ("..", "file"),
        ("é/\\\0", "file"),
        ("a" * 200 + ".png", "a" * 116 + ".png"),
    ],
)
def test_a_file_name_keeps_letters_digits_and_three_signs(name: str, clean: str) -> None:
    assert reading.file_name(name) == clean
