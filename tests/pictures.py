"""Pictures and videos for tests: real ones where somebody decodes them, and as small as can be."""

import io
import random
import struct
import zlib
from typing import Any

from PIL import Image


def png(red: int = 40, green: int = 90, blue: int = 140, *, size: tuple[int, int] = (4, 3)) -> bytes:
    """A picture of one colour: another colour is another content."""
    return encoded(Image.new("RGB", size, (red, green, blue)))


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def noise(size: tuple[int, int]) -> Image.Image:
    """A picture that no format makes much smaller; the same each time."""
    return Image.frombytes("RGB", size, random.Random(1).randbytes(size[0] * size[1] * 3))


def png_of(width: int, height: int) -> bytes:
    """A PNG of few bytes that says it has so many pixels, and has them: all black."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    packed = b"".join(packer.compress(row * 1000) for _ in range(height // 1000))
    packed += packer.compress(row * (height % 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def mp4(content: bytes = b"") -> bytes:
    """What begins as an MP4 does; nobody here looks further."""
    return struct.pack(">I", 24) + b"ftypisom" + struct.pack(">I", 512) + b"isommp41" + content
