"""Little text, posts as the API takes them, and who may be posted as."""

from datetime import UTC, datetime
from typing import Any

import pytest

from postroom.connectors.linkedin import posts_convert
from postroom.domain.remote import PostDraft
from postroom_sim.linkedin import little

AT = datetime(2026, 11, 21, tzinfo=UTC)
AUTHOR = "urn:li:person:Tz9W5i6ZYG"

TEXTS: dict[str, tuple[str, str]] = {
    "plain": ("Hello", "Hello"),
    "brackets": ("a (b) [c] {d} <e>", r"a \(b\) \[c\] \{d\} \<e\>"),
    "marks": (r"5*3_2~1 | a@b \ x", r"5\*3\_2\~1 \| a\@b \\ x"),
    "a hashtag": ("We #build it", r"We {hashtag|\#|build} it"),
    "a hashtag with a mark": ("#snake_case", r"{hashtag|\#|snake\_case}"),
    "no hashtag": ("Issue #12, C# and a#b", r"Issue \#12, C\# and a\#b"),
    "a mention": (
        "Thanks @{urn:li:organization:2414183|Harbour (Works)}!",
        r"Thanks @[Harbour \(Works\)](urn:li:organization:2414183)!",
    ),
    "no mention": ("@{ada|Ada} @ada", r"\@\{ada\|Ada\} \@ada"),
    "an address": ("https://example.com/#top_1", r"https://example.com/\#top\_1"),
}


@pytest.mark.parametrize(("text", "expected"), TEXTS.values(), ids=TEXTS)
def test_texts_are_escaped_so_that_linkedin_reads_them_whole(text: str, expected: str) -> None:
    found = posts_convert.little(text)
    assert found == expected
    seen, _ = little.read(found)
    assert seen == text.replace("@{urn:li:organization:2414183|Harbour (Works)}", "Harbour (Works)")


def test_every_character_survives_the_way_there() -> None:
    text = "".join(map(chr, range(32, 0x2FF))) + "🐝 ＃蜂 #蜂"
    assert little.read(posts_convert.little(text))[0] == text


def draft(text: str = "Hello", **settings: Any) -> PostDraft:
    return PostDraft(text=text, created_at=AT, settings=settings)


def test_a_post_without_files_has_no_content() -> None:
    assert posts_convert.body(AUTHOR, draft(), []) == {
        "author": AUTHOR,
        "commentary": "Hello",
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": []},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }


def test_one_file_is_media_and_several_are_a_multi_image() -> None:
    first, second = {"id": "urn:li:image:1", "altText": "A hive"}, {"id": "urn:li:image:2"}
    assert posts_convert.body(AUTHOR, draft(), [first])["content"] == {"media": first}
    assert posts_convert.body(AUTHOR, draft(), [first, second])["content"] == {
        "multiImage": {"images": [first, second]}
    }


def test_a_repost_names_what_it_shares() -> None:
    settings: dict[str, Any] = {
        "repostEnabled": True,
        "repostParentUrn": "urn:li:share:1",
        "repostVisibility": "CONNECTIONS",
    }
    made = posts_convert.body(AUTHOR, draft(**settings), [])
    assert (made["reshareContext"], made["visibility"]) == ({"parent": "urn:li:share:1"}, "CONNECTIONS")
    assert "reshareContext" not in posts_convert.body(AUTHOR, draft(repostParentUrn="urn:li:share:1"), [])


def test_a_posts_id_tells_when_it_was_made() -> None:
    assert posts_convert.made_at("urn:li:share:7141138937766391808").date().isoformat() == "2023-12-14"


@pytest.mark.parametrize(
    ("urn", "good"),
    [
        ("urn:li:share:7141138937766391808", True),
        ("urn:li:ugcPost:1", True),
        ("urn:li:activity:1", False),
        ("urn:li:share:", False),
        ("urn:li:share:1/../x", False),
        ("", False),
    ],
)
def test_only_posts_are_posts(urn: str, good: bool) -> None:
    assert posts_convert.is_post(urn) is good


def test_only_pages_for_which_one_may_post_are_offered() -> None:
    def acl(role: str, number: str, state: str = "APPROVED", name: str = "organization") -> dict[str, str]:
        return {"role": role, name: f"urn:li:organization:{number}", "state": state}

    found = posts_convert.organization_ids(
        {
            "elements": [
                acl("ADMINISTRATOR", "1"),
                acl("ADMINISTRATOR", "1"),
                acl("CONTENT_ADMIN", "2", name="organizationTarget"),
                acl("ANALYST", "3"),
                acl("ADMINISTRATOR", "4", state="REQUESTED"),
                {"role": "ADMINISTRATOR", "organization": "urn:li:organizationBrand:5"},
                "nonsense",
            ]
        }
    )
    assert found == ["1", "2"]
    names = posts_convert.organizations(found, {"results": {"1": {"localizedName": "Harbour Works"}}})
    assert [author.name for author in names] == ["Harbour Works", "Organisation 2"]
    assert posts_convert.organization_ids(None) == []


@pytest.mark.parametrize(
    ("tree", "name"),
    [
        ({"sub": "a1", "name": "Ada Merino"}, "Ada Merino"),
        ({"id": "a1", "localizedFirstName": "Ada", "localizedLastName": "Merino"}, "Ada Merino"),
        ({"sub": "a1"}, "a1"),
    ],
)
def test_a_person_is_known_by_either_answer(tree: dict[str, str], name: str) -> None:
    person = posts_convert.person(tree)
    assert person is not None
    assert (person.urn, person.name) == ("urn:li:person:a1", name)
    assert posts_convert.person({}) is None
