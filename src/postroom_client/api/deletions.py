"""Deletions in two steps: what would go is shown with a token, and the token confirms that, once."""

from typing import Any

from postroom_client.calls import Call, at, change
from postroom_client.nouns import D, Noun, operation
from postroom_client.types import DeletionDone, DeletionPreview


class Deletions(Noun[D]):
    """For agents, and whoever wants to look before. `kind`: message, post_group, take_down, account, webhook, managed_user,
    comment or reaction; of the last two also `post_id`, and the account as `platform_id`, such as `linkedin-ACoAA...`.
    """

    @operation("preview_deletion")
    def preview(
        self, kind: str, id: str, *, post_id: str | None = None, platform_id: str | None = None
    ) -> Call[DeletionPreview]:
        """Show what a deletion would do, with a token that confirms it for five minutes. Nothing is deleted.

        The token is None where the answer was lost and came again: it is stored nowhere. Preview once more.
        """
        return change("POST", at("deletions", "preview"), DeletionPreview, _target(kind, id, post_id, platform_id))

    @operation("confirm_deletion")
    def confirm(
        self, kind: str, id: str, token: str, *, post_id: str | None = None, platform_id: str | None = None
    ) -> Call[DeletionDone]:
        """Delete what was previewed, as it was shown, once.

        Raises:
            Conflict: the token is not for that, was used, has expired, or the target has changed; nothing was deleted.
            RateLimited: the key's budget of deletions is used up; `retry_after_seconds` says until when.
            OutcomeUnknown: it may or may not be gone.
        """
        body = {**_target(kind, id, post_id, platform_id), "token": token}
        return change("POST", at("deletions", "confirm"), DeletionDone, body)


def _target(kind: str, id: str, post_id: str | None, platform_id: str | None) -> dict[str, Any]:
    return {"kind": kind, "id": id, "post_id": post_id, "platform_id": platform_id}
