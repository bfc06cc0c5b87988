"""Images: whether bytes are an image, how large it is to be seen, and the same image as a network takes it.

Decoding costs processor time and memory, and its input is anybody's: it happens in threads of its own, few at a time,
and never for more pixels than were allowed. The same bytes and limits give the same result, so that what is published
again after a crash is what was published before; another version of Pillow may give another.
"""

import asyncio
import io
import math
import struct
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TypeVar

import msgspec
from PIL import Image, ImageCms

from postroom.domain.capabilities import ImageLimits
from postroom.errors import ErrorCode, InvalidParameters, Kind

T = TypeVar("T")

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF")
_TYPES = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
_MOST_SCANS = 200
"""A progressive JPEG of few bytes may ask for all its pixels to be gone over again and again. Cameras write ten scans."""
_QUALITIES = (92, 85, 78, 70)
_LEAST_SIDE = 16
_TURNS = {
    # EXIF 2.32, 4.6.4, Orientation; checked 2026-11-21.
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_RESIZED_AS_THEY_ARE = ("RGB", "RGBA", "L", "LA", "CMYK")

# What Pillow raises for bytes that are not what they begin like. MemoryError: a size that it does not even try.
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
)

# Image sizes are checked here, before anything is decoded; Pillow's own check would be a warning to nobody.
Image.MAX_IMAGE_PIXELS = None
# What else it warns of is somebody's file, which is then read or refused.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


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
        width, height = _seen(image.size, _turn(image))
        # A JPEG says all that is wrong with it also when an eighth of each side is decoded.
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
        image.load()
    return width, height


def fit(data: bytes, limits: ImageLimits, most_pixels: int) -> Fitted:
    """The image as the network takes it: turned upright, in sRGB, not larger than it may be, in a type that it knows.

    Raises:
        InvalidParameters: it is damaged, has too many pixels, or no image like it can be made: its shape is one that the
            network does not take, and what to cut off is not for a server to decide.
    """
    with _decoding(data, most_pixels) as image:
        if image.format == "GIF" and getattr(image, "is_animated", False) and "image/gif" in limits.types:
            return _moving(data, image, limits)
        turn = _turn(image)
        seen = _seen(image.size, turn)
        _check_shape(seen, limits)
        kind = _chosen(image, limits)
        scale = _scale(seen, limits)
        if kind == "image/jpeg" and scale == 1 and turn == 1 and _is_as_it_is(image):
            content = _jpeg(image, "keep")
            if len(content) <= limits.max_bytes:
                return Fitted(content=content, content_type=kind, width=image.width, height=image.height)
        small = _reduced(image, _size(image.size, scale))
        upright = small if turn == 1 else small.transpose(_TURNS[turn])
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


def _turn(image: Image.Image) -> int:
    """The orientation that EXIF tells. A TIFF is turned while it is decoded."""
    turn = 1 if image.format == "TIFF" else image.getexif().get(0x0112, 1)
    return turn if turn in _TURNS else 1


def _seen(size: tuple[int, int], turn: int) -> tuple[int, int]:
    return (size[1], size[0]) if turn >= 5 else size


def _check_shape(size: tuple[int, int], limits: ImageLimits) -> None:
    if not limits.takes_shape(*size):
        ends = " and ".join(f"{end:.3g}" for end in (limits.min_aspect or 0.0, limits.max_aspect) if end is not None)
        raise InvalidParameters(
            f"The image's width is {size[0] / size[1]:.3g} times its height; the network takes {ends}.", kind=Kind.MEDIA
        )


def _is_as_it_is(image: Image.Image) -> bool:
    """Whether nothing has to be done to its pixels."""
    return image.format == "JPEG" and image.mode in ("RGB", "L") and "icc_profile" not in image.info


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


def _scale(size: tuple[int, int], limits: ImageLimits) -> float:
    width = limits.max_width / size[0] if limits.max_width else 1.0
    height = limits.max_height / size[1] if limits.max_height else 1.0
    return min(1.0, width, height)


def _reduced(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Decoded and scaled down first of all: everything else is then about fewer pixels."""
    if image.size == size:
        return image
    # A JPEG is decoded at a half, a quarter or an eighth where that is still large enough.
    image.draft(None, size)
    if image.mode not in _RESIZED_AS_THEY_ARE or (image.mode in ("RGB", "L") and image.has_transparency_data):
        image = _in_colours(image)
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _in_colours(image: Image.Image) -> Image.Image:
    """In RGB, or RGBA if it can be seen through."""
    if image.mode.startswith("I"):
        # Sixteen bits a pixel.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _plain(image: Image.Image) -> Image.Image:
    """In RGB or RGBA as screens show it, and with nothing that was written beside the pixels."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        # A profile that cannot be read is as good as none.
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            image = _in_srgb(image, profile)
    plain = _in_colours(image)
    plain.info = {}
    return plain


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    to = ImageCms.createProfile("sRGB")
    found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    return ImageCms.profileToProfile(image, found, to, outputMode=mode) or image


def _smallest_loss(image: Image.Image, kind: str, limits: ImageLimits) -> Fitted:
    """Written in ever fewer bytes until the network takes it: first coarser, then smaller."""
    if kind == "image/png" and image.mode == "RGB" and "image/jpeg" in limits.types:
        first = _written(image, kind, 0)
        if len(first) <= limits.max_bytes:
            return _fitted(first, kind, image.size)
        kind = "image/jpeg"
    scale = 1.0
    while True:
        small = image if scale == 1 else image.resize(_size(image.size, scale), Image.Resampling.LANCZOS)
        content = b""
        for quality in _QUALITIES if kind != "image/png" else (0,):
            content = _written(small, kind, quality)
            if len(content) <= limits.max_bytes:
                return _fitted(content, kind, small.size)
        if min(small.size) <= _LEAST_SIDE:
            raise InvalidParameters(
                f"No image of at most {limits.max_bytes} bytes can be made of this one.",
                code=ErrorCode.CONTENT_TOO_LARGE,
                kind=Kind.MEDIA,
            )
        scale *= max(0.25, min(0.9, math.sqrt(limits.max_bytes / len(content)) * 0.95))


def _fitted(content: bytes, kind: str, size: tuple[int, int]) -> Fitted:
    return Fitted(content=content, content_type=kind, width=size[0], height=size[1])


def _size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, math.floor(size[0] * scale + 1e-9)), max(1, math.floor(size[1] * scale + 1e-9))


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
    _check_shape(image.size, limits)
    content = _bare_gif(data)
    if len(content) > limits.max_bytes or _scale(image.size, limits) < 1:
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
