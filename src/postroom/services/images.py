"""Images: whether bytes are an image, how large it is to be seen, and the same image as a network takes it.

Decoding costs processor time and memory, and its input is anybody's: it happens in threads of its own, few at a time,
and never for more pixels than were allowed. The same bytes and limits give the same result, so that what is published
again after a crash is what was published before; another version of Pillow may give another.
"""

import asyncio
import io
import math
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import msgspec
from PIL import Image, ImageCms, ImageOps

from postroom.domain.capabilities import ImageLimits
from postroom.errors import ErrorCode, InvalidParameters, Kind

T = TypeVar("T")

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
_MOST_SCANS = 200
"""A progressive JPEG of few bytes may ask for all its pixels to be gone over again and again. Cameras write ten scans."""
_QUALITIES = (92, 85, 78, 70)
_LEAST_SIDE = 16

# What Pillow raises for bytes that are not what they begin like. MemoryError: a size that it does not even try.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    struct.error,
)

# Image sizes are checked here, before anything is decoded; Pillow's own check would be a warning to nobody.
Image.MAX_IMAGE_PIXELS = None


class Fitted(msgspec.Struct, frozen=True, kw_only=True):
    """An image as a network takes it, without the metadata it came with."""

    content: bytes
    content_type: str
    width: int
    height: int


def look(data: bytes, most_pixels: int) -> tuple[int, int]:
    """The width and height of the image as it is to be seen. All of it is decoded, so that a broken one is known now.

    Raises:
        InvalidParameters: it is damaged or cut short (`invalid_parameters`), or has too many pixels (`content_too_large`).
    """
    with _decoding(data, most_pixels) as image:
        if image.format == "GIF":
            _bare_gif(data)
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        width, height = image.size
        # A JPEG says all that is wrong with it also when an eighth of each side is decoded.
        image.draft(None, (max(1, width // 8), max(1, height // 8)))
        image.load()
    return (height, width) if turned else (width, height)


def fit(data: bytes, limits: ImageLimits, most_pixels: int) -> Fitted:
    """The image as the network takes it: turned upright, in sRGB, not larger than it may be, in a type that it knows.

    Raises:
        InvalidParameters: it is damaged, has too many pixels, or no image like it can be made: its shape is one that the
            network does not take, and what to cut off is not for a server to decide.
    """
    with _decoding(data, most_pixels) as image:
        if image.format == "GIF" and getattr(image, "is_animated", False) and "image/gif" in limits.types:
            return _moving(data, image, limits)
        image.load()
        upright = ImageOps.exif_transpose(image)
        untouched = image.format == "JPEG" and upright.size == image.size and _is_as_it_is(image)
        _check_shape(upright, limits)
        kind = _chosen(image, limits)
        if untouched and kind == "image/jpeg" and _scale(image, limits) == 1:
            content = _jpeg(image, "keep")
            if len(content) <= limits.max_bytes:
                return Fitted(content=content, content_type=kind, width=image.width, height=image.height)
        return _smallest_loss(_plain(upright), kind, limits)


class Images:
    """`look` and `fit`, off the event loop, `at_once` at a time."""

    def __init__(self, *, at_once: int, most_pixels: int) -> None:
        self._most_pixels = most_pixels
        self._turn = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, "postroom-images")

    async def look(self, read: Callable[[], Awaitable[bytes]]) -> tuple[int, int]:
        """As `look`, of what `read` gives when it is its turn: who waits holds no bytes."""
        async with self._turn_for(read) as data:
            return await self._run(lambda: look(data, self._most_pixels))

    async def fit(self, read: Callable[[], Awaitable[bytes]], limits: ImageLimits) -> Fitted:
        """As `fit`, of what `read` gives when it is its turn."""
        async with self._turn_for(read) as data:
            return await self._run(lambda: fit(data, limits, self._most_pixels))

    @asynccontextmanager
    async def _turn_for(self, read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
        async with self._turn:
            yield await read()

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


@contextmanager
def _decoding(data: bytes, most_pixels: int) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > most_pixels:
                raise InvalidParameters(
                    f"The image has {image.width} x {image.height} pixels; at most {most_pixels} are possible.",
                    code=ErrorCode.CONTENT_TOO_LARGE,
                    kind=Kind.MEDIA,
                )
            if image.format in ("JPEG", "MPO") and data.count(b"\xff\xda") > _MOST_SCANS:
                raise InvalidParameters("The image is read in more scans than any camera writes.", kind=Kind.MEDIA)
            yield image
    except _BROKEN as error:
        raise InvalidParameters("The image is damaged or cut short.", kind=Kind.MEDIA) from error


def _check_shape(image: Image.Image, limits: ImageLimits) -> None:
    ratio = image.width / image.height
    least, most = limits.min_aspect, limits.max_aspect
    # A pixel more or less is no other shape.
    slack = 1 / min(image.size)
    if (least is not None and ratio < least * (1 - slack)) or (most is not None and ratio > most * (1 + slack)):
        between = f"{least or 0:.3g} and {most:.3g}" if most is not None else f"{least:.3g} and more"
        raise InvalidParameters(
            f"The image's width is {ratio:.3g} times its height; the network takes between {between}.", kind=Kind.MEDIA
        )


def _is_as_it_is(image: Image.Image) -> bool:
    """Whether nothing has to be done to its pixels."""
    return image.mode in ("RGB", "L") and image.getexif().get(0x0112, 1) == 1 and "icc_profile" not in image.info


def _chosen(image: Image.Image, limits: ImageLimits) -> str:
    """The type to write: its own if the network takes that; what can be seen through stays so where that is possible."""
    own: str = _TYPES.get(image.format or "", "")
    if own in limits.types and own != "image/gif":
        return own
    order: tuple[str, ...] = (
        ("image/png", "image/webp", "image/jpeg") if image.has_transparency_data else ("image/jpeg", "image/png")
    )
    for kind in (*order, "image/webp"):
        if kind in limits.types:
            return kind
    raise InvalidParameters("The network takes no image that can be made here.", kind=Kind.MEDIA)


def _scale(image: Image.Image, limits: ImageLimits) -> float:
    width = limits.max_width / image.width if limits.max_width else 1.0
    height = limits.max_height / image.height if limits.max_height else 1.0
    return min(1.0, width, height)


def _plain(image: Image.Image) -> Image.Image:
    """In RGB or RGBA as screens show it, and with nothing that was written beside the pixels."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        # Sixteen bits a pixel.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        try:
            image = _in_srgb(image, profile, mode)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            # A profile that cannot be read is as good as none.
            image = image.convert(mode)
    plain = image.convert(mode) if image.mode != mode else image.copy()
    plain.info = {}
    return plain


def _in_srgb(image: Image.Image, profile: bytes, mode: str) -> Image.Image:
    to = ImageCms.createProfile("sRGB")
    found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(image, found, to, outputMode=mode if image.mode != "RGB" else "RGB")
    return image if converted is None else converted


def _smallest_loss(image: Image.Image, kind: str, limits: ImageLimits) -> Fitted:
    """Written in ever fewer bytes until the network takes it: first coarser, then smaller."""
    scale = _scale(image, limits)
    if kind == "image/png" and image.mode == "RGB" and "image/jpeg" in limits.types:
        first = _written(_scaled(image, scale), kind, 0)
        if len(first) <= limits.max_bytes:
            return _fitted(first, kind, image, scale)
        kind = "image/jpeg"
    while True:
        small = _scaled(image, scale)
        content = b""
        for quality in _QUALITIES if kind != "image/png" else (0,):
            content = _written(small, kind, quality)
            if len(content) <= limits.max_bytes:
                return _fitted(content, kind, image, scale)
        if min(small.size) <= _LEAST_SIDE:
            raise InvalidParameters(
                f"No image of at most {limits.max_bytes} bytes can be made of this one.",
                code=ErrorCode.CONTENT_TOO_LARGE,
                kind=Kind.MEDIA,
            )
        scale *= max(0.25, min(0.9, math.sqrt(limits.max_bytes / len(content)) * 0.95))


def _fitted(content: bytes, kind: str, image: Image.Image, scale: float) -> Fitted:
    width, height = _size(image, scale)
    return Fitted(content=content, content_type=kind, width=width, height=height)


def _size(image: Image.Image, scale: float) -> tuple[int, int]:
    return max(1, math.floor(image.width * scale + 1e-9)), max(1, math.floor(image.height * scale + 1e-9))


def _scaled(image: Image.Image, scale: float) -> Image.Image:
    return image if scale >= 1 else image.resize(_size(image, scale), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _written(image: Image.Image, kind: str, quality: int) -> bytes:
    if kind == "image/jpeg":
        if image.mode == "RGBA":
            behind = Image.new("RGB", image.size, "white")
            behind.paste(image, mask=image.getchannel("A"))
            image = behind
        return _jpeg(image, quality)
    out = io.BytesIO()
    if kind == "image/webp":
        image.save(out, "WEBP", quality=quality, method=4)
    else:
        image.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _jpeg(image: Image.Image, quality: int | str) -> bytes:
    out = io.BytesIO()
    image.info = {}
    image.save(out, "JPEG", quality=quality, optimize=True, **({} if quality == "keep" else {"subsampling": "4:2:0"}))
    return out.getvalue()


def _moving(data: bytes, image: Image.Image, limits: ImageLimits) -> Fitted:
    """An animation as it is: making it smaller would be another one."""
    _check_shape(image, limits)
    content = _bare_gif(data)
    if len(content) > limits.max_bytes or _scale(image, limits) < 1:
        raise InvalidParameters(
            f"The animation has {len(content)} bytes and {image.width} x {image.height} pixels, more than the network takes.",
            code=ErrorCode.CONTENT_TOO_LARGE,
            kind=Kind.MEDIA,
        )
    return Fitted(content=content, content_type="image/gif", width=image.width, height=image.height)


def _bare_gif(data: bytes) -> bytes:
    """The GIF without comments and what applications wrote into it; IndexError where it is cut short.

    Source: GIF89a, sections 18 to 27, checked 2026-11-21.
    """
    flags = data[10]
    at = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    kept = [data[:at]]
    while data[at] != 0x3B:
        began, keep = at, True
        if data[at] == 0x2C:
            flags = data[at + 9]
            at += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
        elif data[at] == 0x21:
            label = data[at + 1]
            repeats = data[at + 3 : at + 14] in (b"NETSCAPE2.0", b"ANIMEXTS1.0")
            keep = label == 0xF9 or (label == 0xFF and repeats)
            at += 2
        else:
            raise InvalidParameters("The image is damaged: a GIF has no such block.", kind=Kind.MEDIA)
        while data[at]:
            at += 1 + data[at]
        at += 1
        if keep:
            kept.append(data[began:at])
    return b"".join((*kept, b";"))
