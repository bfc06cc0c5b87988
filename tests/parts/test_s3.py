import obstore
import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

from tests.parts.s3 import S3


def store(s3: S3, bucket: str, **changed: str) -> S3Store:
    given = {**s3.options(), **changed}
    return S3Store(bucket, client_options={"allow_http": True}, retry_config={"max_retries": 0}, **given)  # type: ignore[arg-type]


async def test_it_keeps_what_it_is_given_and_shows_it_by_another_way(s3: S3) -> None:
    bucket = s3.bucket()
    await obstore.put_async(store(s3, bucket), "a/b", b"bytes")
    assert s3.keys(bucket) == {"a/b"}
    assert bytes(await (await obstore.get_async(store(s3, bucket), "a/b")).bytes_async()) == b"bytes"


async def test_it_checks_signatures(s3: S3) -> None:
    bucket = s3.bucket()
    with pytest.raises(BaseError, match="403"):
        await obstore.put_async(store(s3, bucket, secret_access_key="wrong"), "a", b"bytes")
    assert s3.keys(bucket) == set()
