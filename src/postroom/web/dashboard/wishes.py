"""What can be said of a post for one network alone: the settings that the compose page offers, by their wire names."""

import msgspec


class Wish(msgspec.Struct, frozen=True):
    """A setting. Without options it is a text; empty is the network's, or the account's, own way."""

    network: str
    name: str
    label: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def field(self) -> str:
        return f"setting.{self.network}.{self.name}"


WISHES = (
    Wish("youtube", "title", "Title of the video; the text's first line where it is empty"),
    Wish(
        "youtube",
        "privacy",
        "Who sees it",
        (("public", "Everyone"), ("unlisted", "Who has the link"), ("private", "Nobody else")),
    ),
    Wish("instagram", "videoType", "A video is", (("REELS", "A reel"), ("STORIES", "A story"))),
    Wish(
        "tiktok",
        "viewerSetting",
        "Who sees it",
        (
            ("PUBLIC_TO_EVERYONE", "Everyone"),
            ("MUTUAL_FOLLOW_FRIENDS", "Friends"),
            ("FOLLOWER_OF_CREATOR", "Followers"),
            ("SELF_ONLY", "Nobody else"),
        ),
    ),
    Wish(
        "mastodon",
        "visibility",
        "Who sees it",
        (
            ("", "As the account does"),
            ("public", "Everyone"),
            ("unlisted", "Everyone, but not in timelines"),
            ("private", "Followers"),
            ("direct", "Who is mentioned"),
        ),
    ),
    Wish("mastodon", "spoiler_text", "Warning in front of the text"),
    Wish(
        "threads",
        "replyControl",
        "Who may answer",
        (
            ("", "As the account does"),
            ("everyone", "Everyone"),
            ("accounts_you_follow", "Accounts you follow"),
            ("mentioned_only", "Who is mentioned"),
        ),
    ),
    Wish("twitter", "quoteTweet", "Quotes this post: its address"),
)
