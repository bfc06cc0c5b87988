from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.parts.pds import Pds, PdsAccount, running_pds

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000000000400010dbb6e0b0000000049454e44ae426082"
)


def test_an_account_has_a_session_and_a_handle_under_test(pds: Pds, pds_account: PdsAccount) -> None:
    told = pds.ask("com.atproto.server.getSession", account=pds_account).json()
    assert told["did"] == pds_account.did
    assert told["handle"].endswith(".test")


def test_a_post_with_a_picture_is_there_until_it_is_deleted(pds: Pds, pds_account: PdsAccount) -> None:
    uploaded = httpx.post(
        f"{pds.base_url}/xrpc/com.atproto.repo.uploadBlob",
        content=PIXEL,
        headers={**pds_account.authorization, "Content-Type": "image/png"},
    )
    record = {
        "$type": "app.bsky.feed.post",
        "text": "a picture",
        "createdAt": "2026-01-01T00:00:00.000Z",
        "embed": {"$type": "app.bsky.embed.images", "images": [{"alt": "a dot", "image": uploaded.json()["blob"]}]},
    }
    address = {"repo": pds_account.did, "collection": "app.bsky.feed.post"}
    made = pds.call("com.atproto.repo.createRecord", {**address, "record": record}, account=pds_account)
    key = made["uri"].rpartition("/")[2]
    assert [post["uri"] for post in pds.records(pds_account.did)] == [made["uri"]]

    pds.call("com.atproto.repo.deleteRecord", {**address, "rkey": key}, account=pds_account)
    assert pds.records(pds_account.did) == []
    gone = pds.ask("com.atproto.repo.getRecord", repo=pds_account.did, collection=address["collection"], rkey=key)
    assert (gone.status_code, gone.json()["error"]) == (400, "RecordNotFound")
    pds.call("com.atproto.repo.deleteRecord", {**address, "rkey": key}, account=pds_account)


def test_an_app_password_opens_a_session_and_a_wrong_one_does_not(pds: Pds, pds_account: PdsAccount) -> None:
    password = pds.create_app_password(pds_account)
    opened = pds.call("com.atproto.server.createSession", {"identifier": pds_account.handle, "password": password})
    assert opened["did"] == pds_account.did
    refused = httpx.post(
        f"{pds.base_url}/xrpc/com.atproto.server.createSession",
        json={"identifier": pds_account.handle, "password": "wrong"},
    )
    assert (refused.status_code, refused.json()["error"]) == (401, "AuthenticationRequired")


def test_a_second_server_has_nobody_of_the_first_and_may_limit_rates(pds: Pds, pds_account: PdsAccount) -> None:
    with running_pds(rate_limits=True) as limited:
        assert limited.ask("com.atproto.repo.describeRepo", repo=pds_account.did).status_code == 400
        login = {"identifier": "nobody.test", "password": "wrong"}
        address = f"{limited.base_url}/xrpc/com.atproto.server.createSession"
        with httpx.Client(trust_env=False, timeout=60) as client, ThreadPoolExecutor(8) as many:
            answers = list(many.map(lambda _: client.post(address, json=login).status_code, range(35)))
        assert answers.count(401) == 30
        assert answers.count(429) == 5
