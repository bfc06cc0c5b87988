"""Edits that come in an envelope of their own: opened with the secret that came with the message. Pure.

Source: whatsmeow, `generateMsgSecretKey` and the handling of `secretEncryptedMessage`, checked 2026-11-21.
"""

from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_USE = b"Message Edit"


def key_for(secret: bytes, message_id: str, author: str, editor: str) -> bytes:
    """The key of an edit. Addresses are `user@server`, without device."""
    info = message_id.encode() + author.encode() + editor.encode() + _USE
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def seal(secret: bytes, message_id: str, author: str, editor: str, body: bytes, nonce: bytes) -> bytes:
    """What `open_edit` opens."""
    return AESGCM(key_for(secret, message_id, author, editor)).encrypt(nonce, body, None)


def open_edit(
    secrets: Iterable[bytes], message_id: str, editors: Iterable[str], nonce: bytes, sealed: bytes
) -> bytes | None:
    """The message that the envelope holds; None: nobody who wrote the message, under these addresses, sealed it.

    `editors`: every address of whoever sent the envelope. Author and editor are one person, perhaps by two addresses.
    """
    addresses = tuple(editors)
    for secret in secrets:
        for author in addresses:
            for editor in addresses:
                try:
                    return AESGCM(key_for(secret, message_id, author, editor)).decrypt(nonce, sealed, None)
                except (InvalidTag, ValueError):
                    continue
    return None
