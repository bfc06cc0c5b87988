"""Sealing at rest (AES-256-GCM, a fresh nonce each time) and keyed hashes of secrets."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postroom.errors import PostroomError

_NONCE_BYTES = 12


class Unreadable(PostroomError):
    """What is stored cannot be opened with this key: it was sealed with another, or was changed."""


class Seal:
    """One key. `context` binds a document to its place: sealed there, it opens nowhere else."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, plain: bytes, context: str) -> bytes:
        """The sealed document: nonce, then ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The document that was sealed.

        Raises:
            Unreadable: another key, another context, or changed bytes.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except InvalidTag as error:
            raise Unreadable from error


class Signer:
    """A key that signs (Ed25519): the same bytes always give the same signature."""

    __slots__ = ("_key", "public_key")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()
        """32 bytes; who has them can check, and cannot sign."""

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(message)


def derive(master: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose, from the master key. 32 bytes."""
    return hmac.digest(master, b"postroom:" + purpose.encode(), "sha256")


def keyed_hash(key: bytes, text: str) -> bytes:
    """What is stored instead of a secret or an id: only who holds the key can make or match it. 32 bytes."""
    return hashlib.blake2b(text.encode(), key=key, digest_size=32).digest()
