"""LinkedIn's pages of signing in: their forms, and what they ask. Pure.

Source: the addresses and inputs that public clients post, seen 2026-11-21; LinkedIn documents none of it.
"""

from collections.abc import Mapping
from html.parser import HTMLParser

import msgspec

from postroom.connectors.contract import Checkpoint, CheckpointKind


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A page's first form that is posted, and what else the page says."""

    action: str
    fields: Mapping[str, str]
    """The hidden inputs, to be sent back as they are."""
    asked: tuple[str, ...]
    """The inputs that a person fills in."""
    error: str | None
    data: str | None
    """What a captcha's service is told besides its key."""
    other_way: str | None
    """Where the page leads who wants another kind of check."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.asked: list[str] = []
        self.error: str | None = None
        self.data: str | None = None
        self.other_way: str | None = None
        self._inside = False
        self._listening: str | None = None
        self._in_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None and given.get("method", "").lower() == "post":
            self.action, self._inside = given.get("action", ""), True
        elif tag == "input" and self._inside and given.get("name"):
            if given.get("type") == "hidden":
                self.fields[given["name"]] = given.get("value", "")
            else:
                self.asked.append(given["name"])
        elif tag == "a" and given.get("id") == "try-another-way":
            self.other_way = given.get("href")
        self._in_data = tag == "code" and given.get("id") == "securedDataExchange"
        if given.get("role") == "alert" or given.get("id", "").startswith("error-for-"):
            self._listening = tag

    def handle_data(self, data: str) -> None:
        if self._listening is not None and data.strip():
            self.error = " ".join(f"{self.error or ''} {data}".split())

    def handle_comment(self, data: str) -> None:
        if self._in_data:
            self.data = data.strip().strip('"')

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        if tag == self._listening:
            self._listening = None


def read(body: bytes) -> Form | None:
    """The page's form; None: it has none that is posted."""
    reader = _Reader()
    reader.feed(body.decode("utf-8", "replace"))
    reader.close()
    if reader.action is None:
        return None
    return Form(
        action=reader.action,
        fields=reader.fields,
        asked=tuple(reader.asked),
        error=reader.error,
        data=reader.data,
        other_way=reader.other_way,
    )


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a check asks: why, under which name the answer is posted, and in which words it is asked."""

    checkpoint: Checkpoint
    input: str | None
    """None: nobody types anything."""
    words: str


def question(form: Form) -> Question | None:
    """What the page of a check asks; None: something that is not known here."""
    page = form.fields.get("pageInstance", "").lower()
    again = bool(form.fields.get("resendUrl"))
    if "captchaSiteKey" in form.fields:
        checkpoint = Checkpoint(
            kind=CheckpointKind.CAPTCHA, public_key=form.fields["captchaSiteKey"] or None, data=form.data
        )
        return Question(
            checkpoint=checkpoint,
            input="captchaUserResponseToken",
            words="The token of the captcha, once it is solved.",
        )
    if "phoneNumber" in form.asked:
        checkpoint = Checkpoint(kind=CheckpointKind.PHONE)
        return Question(
            checkpoint=checkpoint,
            input="phoneNumber",
            words="A telephone number that LinkedIn may use, as (+33)0612345678.",
        )
    if "pin" in form.asked:
        if "twostep" in page:
            source = "APP" if "authenticator" in page else "SMS" if "sms" in page else None
            checkpoint = Checkpoint(kind=CheckpointKind.TWO_FACTOR, source=source, can_resend=again)
            return Question(checkpoint=checkpoint, input="pin", words="The code of the second factor.")
        checkpoint = Checkpoint(kind=CheckpointKind.ONE_TIME, can_resend=again)
        return Question(checkpoint=checkpoint, input="pin", words="The code that LinkedIn sent.")
    if "inapp" in page:
        return Question(checkpoint=Checkpoint(kind=CheckpointKind.IN_APP), input=None, words="")
    return None
