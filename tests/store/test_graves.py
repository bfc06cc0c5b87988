"""What was deleted for good is in the keyring's file soon, and many at once do not wait for the disk one by one."""

import asyncio
import time
from contextlib import closing
from pathlib import Path

from postroom.store.graves import POST_GROUP, Grave
from postroom.store.keyring import Keyring
from postroom.store.sqlite_files import open_file


async def test_many_that_are_deleted_one_after_the_other_share_few_writes(keyring: Keyring, tmp_path: Path) -> None:
    other = open_file(tmp_path / "keyring.db")
    versions = set()
    began = time.monotonic()
    graves = [Grave("workspace", POST_GROUP, str(number), number) for number in range(100)]
    for grave in graves:
        keyring.graves.dig(grave)
        await asyncio.sleep(0.002)
        versions.add(other.execute("pragma data_version").get)
    await keyring.graves.settled()
    assert keyring.graves.has(graves) == 100
    # Each write makes a version of the file, and comes a tenth of a second after the one before.
    assert 1 < len(versions) < 3 + (time.monotonic() - began) / 0.1
    other.close()


async def test_a_copy_is_made_once_whoever_has_the_keyring_lets_go(keyring: Keyring, tmp_path: Path) -> None:
    keyring.create("account")
    keyring._file.set_busy_timeout(10)
    other = open_file(tmp_path / "keyring.db")
    other.execute("begin exclusive")
    copying = asyncio.create_task(asyncio.to_thread(keyring.copy, tmp_path / "copy.db"))
    await asyncio.sleep(0.1)
    assert not copying.done()
    other.execute("rollback")
    await copying
    with closing(open_file(tmp_path / "copy.db", read_only=True)) as copy:
        assert copy.execute("select account_id from keys").get == "account"
    other.close()


async def test_what_is_deleted_last_is_written_before_the_keyring_closes(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keyring.db", bytes(32))
    graves = [Grave("workspace", POST_GROUP, str(number), number) for number in range(20)]
    for grave in graves:
        keyring.graves.dig(grave)
        await asyncio.sleep(0.001)
    keyring.close()
    with closing(open_file(tmp_path / "keyring.db")) as other:
        assert other.execute("select count(*) from graves").get == 20
