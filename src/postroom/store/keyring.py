"""The keys of accounts, each wrapped by the master key, in a file of their own: never in the database nor its backups.

Destroying a key is for good: whatever was sealed under it, in any copy of the database, opens no more. What else was
deleted for good is remembered beside the keys (see `graves`).
"""

import os
import time
from contextlib import closing
from pathlib import Path

import apsw

from postroom.errors import PostroomError, Unavailable
from postroom.store import graves
from postroom.store.seal import Seal, Signer, Unreadable, derive, keyed_hash
from postroom.store.sqlite_files import open_file

_AGAIN_SECONDS = 0.25
_SCHEMA = """
create table if not exists keys (account_id text primary key, wrapped blob not null) without rowid;
create table if not exists marks (name text primary key, value blob not null) without rowid;
"""


class NoKey(PostroomError):
    """The account's key was destroyed: nothing of it can be opened any more."""


class WrongMasterKey(PostroomError):
    """The master key does not open this keyring: set POSTROOM_MASTER_KEY, or restore master.key, as it was."""


class Keyring:
    """Account keys by account id. Every change is durable when it returns; opened keys are held in memory."""

    def __init__(self, file: Path, master: bytes) -> None:
        """Open the keyring, making it if it is not there.

        Raises:
            WrongMasterKey: it was made with another master key.
        """
        self._wrapping = Seal(derive(master, "account keys"))
        self._hashing = derive(master, "hashes")
        self.master_seal = Seal(derive(master, "login attempts"))
        """For what is sealed before there is an account."""
        self.token_seal = Seal(derive(master, "deletion tokens"))
        """For what confirms a deletion that was shown."""
        self.signer = Signer(derive(master, "receipts"))
        """Signs receipts. Whoever restores the master key goes on with the same one."""
        self._backups = derive(master, "backups")
        self._opened: dict[str, Seal] = {}
        self.graves = graves.Graves(file)
        """What was deleted for good, for a database that is restored."""
        new = not file.exists()
        self._file = open_file(file)
        if new:
            file.chmod(0o600)
        # A rollback journal that is deleted, and zeroed pages: a destroyed key is left in no file.
        self._file.execute("pragma journal_mode = delete")
        self._file.execute("pragma synchronous = extra")
        self._file.execute("pragma secure_delete = on")
        self._file.execute(_SCHEMA + graves.SCHEMA)
        self._check_master()

    def _check_master(self) -> None:
        row = self._file.execute("select value from marks where name = 'check'").fetchone()
        if row is None:
            self._file.execute("insert into marks values ('check', ?)", (self._wrapping.close(b"postroom", "check"),))
            return
        try:
            self._wrapping.open(row[0], "check")
        except Unreadable as error:
            raise WrongMasterKey from error

    def create(self, account_id: str) -> Seal:
        """A fresh key for an account that has none."""
        key = os.urandom(32)
        wrapped = self._wrapping.close(key, account_id)
        self._file.execute("insert into keys values (?, ?)", (account_id, wrapped))
        seal = self._opened[account_id] = Seal(key)
        return seal

    def seal(self, account_id: str) -> Seal:
        """The account's key.

        Raises:
            NoKey: it was destroyed, or never made.
        """
        seal = self._opened.get(account_id)
        if seal is None:
            row = self._file.execute("select wrapped from keys where account_id = ?", (account_id,)).fetchone()
            if row is None:
                raise NoKey
            seal = self._opened[account_id] = Seal(self._wrapping.open(row[0], account_id))
        return seal

    def destroy(self, account_id: str) -> None:
        """Forget a key for good. Already destroyed is success."""
        self._opened.pop(account_id, None)
        self._file.execute("delete from keys where account_id = ?", (account_id,))

    def accounts(self) -> set[str]:
        """Whose keys are here."""
        return {row[0] for row in self._file.execute("select account_id from keys")}

    def hash(self, text: str) -> bytes:
        """A keyed hash under the master key, for what is looked up by value: secrets of keys, keys of tombstones."""
        return keyed_hash(self._hashing, text)

    def backup_seal(self, name: str) -> Seal:
        """The key of one backup: who has the master key has it."""
        return Seal(derive(self._backups, name))

    def mark(self, name: str, value: str) -> None:
        """Keep a word about this keyring."""
        self._file.execute("insert or replace into marks values (?, ?)", (name, value.encode()))

    def marked(self, name: str) -> str | None:
        """The word that was kept under this name.

        Raises:
            Unavailable: the file cannot be read.
        """
        try:
            row = self._file.execute("select value from marks where name = ?", (name,)).fetchone()
        except apsw.Error as error:
            raise Unavailable(f"The keyring cannot be read: {error}.") from error
        return None if row is None else bytes(row[0]).decode()

    def copy(self, to: Path) -> None:
        """Put a copy, as it is now, in the place of what is at `to`. Keep one copy only: an older one knows less."""
        part = to.with_name(f"{to.name}.part")
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with closing(open_file(part)) as copy, copy.backup("main", self._file, "main") as copying:
            while not copying.done:
                try:
                    copying.step()
                except (apsw.BusyError, apsw.LockedError):
                    time.sleep(_AGAIN_SECONDS)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(to)

    def close(self) -> None:
        self.graves.close()
        self._opened.clear()
        self._file.close()
