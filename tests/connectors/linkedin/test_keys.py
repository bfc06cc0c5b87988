"""One message has many spellings and one key."""

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.connectors.linkedin import keys
from postroom.errors import InvalidParameters, Kind

A = "ACoAAATPlQ0Bc8wdg-Iy8wZgEDuSdIVWJiE1Aio"
B = "ACoAAFpqSoMB8vTqRbg4mN_wbabO8w0gjgFu-6o"
M = "2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA="
T = "2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA=="
K = "2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA"
L = "2-MTc1OTQyMTE0ODY2N2I2OTcwMy0xMDAmYmNlNTYzYWYtYzg2Mi00NTM2LWE2NmUtNDc1NDgzMTAxOTk5XzAxMA=="
PLAIN = f"urn:li:msg_message:(urn:li:fsd_profile:{A},{M})"


def escaped(text: str, times: int = 1, safe: str = "") -> str:
    for _ in range(times):
        text = quote(text, safe=safe)
    return text


SPELLINGS = {
    "own mailbox": (PLAIN, K),
    "another mailbox": (f"urn:li:msg_message:(urn:li:fsd_profile:{B},{M})", K),
    "a company's mailbox": (f"urn:li:msg_message:(urn:li:fsd_company:8000001,{M})", K),
    "backend": (f"urn:li:messagingMessage:{M}", K),
    "older dash": (f"urn:li:fsd_message:{M}", K),
    "old event": (f"urn:li:fs_event:({T},{M})", K),
    "bare": (M, K),
    "bare without padding": (M.rstrip("="), K),
    "escaped once": (escaped(PLAIN), K),
    "escaped in lower case": (escaped(PLAIN).replace("%3A", "%3a").replace("%2C", "%2c").replace("%3D", "%3d"), K),
    "escaped as Go does": (escaped(PLAIN, safe=":="), K),
    "escaped twice": (escaped(PLAIN, 2), K),
    "escaped three times": (escaped(PLAIN, 3), K),
    "space around it": (f"  {PLAIN}\n", K),
    "capital scheme": (PLAIN.replace("urn:li:msg_message", "URN:LI:msg_message"), K),
    "with the thread in the id": (f"urn:li:msg_message:(urn:li:fsd_profile:{A},{L})", L.rstrip("=")),
    "bare, with the thread in the id": (L.rstrip("="), L.rstrip("=")),
    "before 2020": (
        "urn:li:fs_event:(6446595445958545408,S6446595438580559872_500)",
        "S6446595438580559872_500",
    ),
    "ours": (f"urn:li:msg:{M}", K),
    "ours without padding": (f"urn:li:msg:{K}", K),
}

NO_MESSAGES = {
    "escaped four times": (escaped(PLAIN, 4), "too_many_encodings"),
    "a conversation": (f"urn:li:msg_conversation:(urn:li:fsd_profile:{A},{T})", "wrong_type"),
    "a bare thread": (T, "wrong_type"),
    "a thread of Sales Navigator": ("urn:li:salesNav_thread:2-abc", "wrong_type"),
    "a profile": (f"urn:li:fsd_profile:{A}", "wrong_type"),
    "spaces": ("   ", "empty"),
    "nothing": ("", "empty"),
    "padding alone": ("2-====", "malformed"),
    "a null byte": (f"urn:li:fsd_message:{M}%00", "bad_character"),
    "a path": ("..%2F..%2Fetc%2Fpasswd", "malformed"),
    "SQL": ("2-MTc2' OR '1'='1", "bad_character"),
    "escaped percent signs": ("2-%25%25%25", "bad_percent_escape"),
    "half an escape": ("urn:li:fsd_message:2-MTc2%3", "bad_percent_escape"),
    "no closing parenthesis": (PLAIN[:-1], "malformed"),
    "a tuple in a tuple": (f"urn:li:msg_message:(urn:li:fsd_profile:{A},(x,{M}))", "malformed"),
    "three members": (f"urn:li:msg_message:(urn:li:fsd_profile:{A},{M},{M})", "malformed"),
    "members swapped": (f"urn:li:msg_message:({M},urn:li:fsd_profile:{A})", "malformed"),
    "a full-width digit": ("２-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA=", "bad_character"),
    "stray low bits": ("2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDB=", "bad_base64"),
    "five thousand letters": ("2-" + "A" * 5000, "too_long"),
    "another namespace": ("urn:uuid:1760773310429", "foreign_urn"),
    "one base64 digit too many": ("2-MTc2M", "bad_base64"),
    "bytes that are no text": ("2-MTc2%ff", "bad_character"),
    "an old thread": ("6446595445958545408", "wrong_type"),
}

CONVERSATIONS = {
    "own mailbox": (f"urn:li:msg_conversation:(urn:li:fsd_profile:{A},{T})", T.rstrip("=")),
    "another mailbox": (f"urn:li:msg_conversation:(urn:li:fsd_profile:{B},{T})", T.rstrip("=")),
    "backend": (f"urn:li:messagingThread:{T}", T.rstrip("=")),
    "compose": (f"urn:li:fsd_conversation:{T}", T.rstrip("=")),
    "bare without padding": (T.rstrip("="), T.rstrip("=")),
    "Sales Navigator": ("urn:li:salesNav_thread:2-NzkzMDFl=", "sn:2-NzkzMDFl"),
    "Sales Navigator's key": ("sn:2-NzkzMDFl", "sn:2-NzkzMDFl"),
    "before 2020": ("urn:li:fs_conversation:6446595445958545408", "6446595445958545408"),
}

NO_CONVERSATIONS = {
    "a message": (PLAIN, "wrong_type"),
    "a bare message": (M, "wrong_type"),
    "a message of before 2020": ("S6446595438580559872_500", "wrong_type"),
    "nothing": ("", "empty"),
}


@pytest.mark.parametrize(("spelling", "key"), SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_a_message_has_its_one_key(spelling: str, key: str) -> None:
    assert keys.message_key(spelling) == key


@pytest.mark.parametrize(("spelling", "reason"), NO_MESSAGES.values(), ids=NO_MESSAGES)
def test_what_is_no_message_is_refused_with_the_reason(spelling: str, reason: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        keys.message_key(spelling)
    assert (caught.value.kind, caught.value.context) == (Kind.URN, {"reason": reason})


@pytest.mark.parametrize(("spelling", "key"), CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_every_spelling_of_a_conversation_has_its_one_key(spelling: str, key: str) -> None:
    assert keys.chat_key(spelling) == key


@pytest.mark.parametrize(("spelling", "reason"), NO_CONVERSATIONS.values(), ids=NO_CONVERSATIONS)
def test_what_is_no_conversation_is_refused_with_the_reason(spelling: str, reason: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        keys.chat_key(spelling)
    assert (caught.value.kind, caught.value.context) == (Kind.URN, {"reason": reason})


@pytest.mark.parametrize(
    ("spelling", "mailbox"),
    [
        (PLAIN, A),
        (escaped(PLAIN, 2), A),
        (f"urn:li:msg_message:(urn:li:fsd_company:8000001,{M})", "8000001"),
        (f"urn:li:msg_conversation:(urn:li:fsd_profile:{B},{T})", B),
        (f"urn:li:fs_event:({T},{M})", None),
        (f"urn:li:messagingMessage:{M}", None),
        (M, None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_a_spelling_tells_whose_mailbox_it_is_in(spelling: str, mailbox: str | None) -> None:
    assert keys.mailbox_of(spelling) == mailbox


def test_what_goes_out_names_the_own_mailbox_and_is_padded() -> None:
    assert keys.message_urn(A, K) == PLAIN
    assert keys.chat_urn(B, T.rstrip("=")) == f"urn:li:msg_conversation:(urn:li:fsd_profile:{B},{T})"
    assert keys.message_urn(A, "S644659_500") == f"urn:li:msg_message:(urn:li:fsd_profile:{A},S644659_500)"


def test_the_id_of_a_message_tells_when_it_was_sent() -> None:
    assert keys.sent_ms(K) == 1760773310429
    assert keys.sent_ms("S6446595438580559872_500") is None
    assert keys.sent_ms(T) is None


@given(st.text(max_size=200))
def test_no_text_at_all_is_more_than_refused(text: str) -> None:
    for normalise in (keys.message_key, keys.chat_key):
        try:
            key = normalise(text)
        except InvalidParameters:
            continue
        assert normalise(key) == key


@given(
    ms=st.integers(10**12, 10**13 - 1),
    tail=st.integers(0, 99_999),
    thread=st.none() | st.uuids(),
    times=st.integers(0, 3),
    padded=st.booleans(),
)
def test_a_message_keeps_its_key_whichever_way_it_comes(
    ms: int, tail: int, thread: object, times: int, padded: bool
) -> None:
    payload = f"{ms}b{tail:05d}-100" + (f"&{thread}_010" if thread else "")
    id = "2-" + base64.b64encode(payload.encode()).decode()
    urn = f"urn:li:msg_message:(urn:li:fsd_profile:{A},{id if padded else id.rstrip('=')})"
    key = keys.message_key(escaped(urn, times))
    assert key == id.rstrip("=") == keys.message_key(key)
    assert keys.padded(key) == id
    assert keys.sent_ms(key) == ms
