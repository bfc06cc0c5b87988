"""Images: what is one, and the same image as a network takes it. With Pillow's own eyes, beside the code that is tested."""

import asyncio
import io
import struct
import threading
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image, ImageCms

from postroom.domain.capabilities import ImageLimits
from postroom.errors import ErrorCode, InvalidParameters
from postroom.services.images import Fitted, Images, fit, look
from tests.pictures import encoded, noise, png, png_of

MOST = 50_000_000
JPEG_ONLY = frozenset({"image/jpeg"})
EVERY_TYPE = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def limits(
    *types: str, most: int = 1_000_000, width: int | None = None, height: int | None = None, **aspect: float
) -> ImageLimits:
    return ImageLimits(
        max_count=4, types=frozenset(types) or EVERY_TYPE, max_bytes=most, max_width=width, max_height=height, **aspect
    )


def opened(made: Fitted) -> Image.Image:
    image = Image.open(io.BytesIO(made.content))
    image.load()
    assert Image.MIME[image.format or ""] == made.content_type
    assert image.size == (made.width, made.height)
    return image


def half(left: str, right: str, size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Two colours beside each other: whoever turns it shows."""
    image = Image.new("RGB", size, left)
    image.paste(Image.new("RGB", (size[0] // 2, size[1]), right), (size[0] // 2, 0))
    return image


def about(pixel: object, colour: tuple[int, int, int], slack: int = 12) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= slack for a, b in zip(pixel, colour, strict=False))


def with_metadata(image: Image.Image, kind: str, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = "a canary in EXIF"
    if kind != "TIFF":
        exif[0x8825] = {1: "N", 2: (52.0, 31.0, 0.0)}
    more = {"comment": b"a canary in a comment"} if kind == "JPEG" else {}
    return encoded(image, kind, exif=exif, **more)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_whole_image_has_a_size_and_one_that_is_cut_short_is_refused(kind: str) -> None:
    whole = encoded(noise((60, 40)), kind)
    assert look(whole, MOST) == (60, 40)
    for part in (0.1, 0.5, 0.9):
        with pytest.raises(InvalidParameters, match="damaged"):
            look(whole[: int(len(whole) * part)], MOST)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_size_is_the_one_that_is_seen(kind: str) -> None:
    assert look(with_metadata(half("red", "blue"), kind, orientation=6), MOST) == (20, 40)
    assert look(with_metadata(half("red", "blue"), kind, orientation=3), MOST) == (40, 20)


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (2, 30_000_000)])
def test_few_bytes_of_too_many_pixels_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    bomb = (
        png_of(width, height)
        if width > 2
        else png_of(4, 4).replace(struct.pack(">II", 4, 4), struct.pack(">II", 2, height))
    )
    for work in (lambda: look(bomb, MOST), lambda: fit(bomb, limits(), MOST)):
        with pytest.raises(InvalidParameters) as refused:
            work()
        assert refused.value.code is ErrorCode.CONTENT_TOO_LARGE or "damaged" in refused.value.detail


def test_a_jpeg_that_is_gone_over_again_and_again_is_refused() -> None:
    plain = encoded(noise((16, 16)), "JPEG", progressive=True)
    at = plain.rindex(b"\xff\xda")
    scan = plain[at:-2]
    with pytest.raises(InvalidParameters, match="scans"):
        look(plain[:-2] + scan * 300 + b"\xff\xd9", MOST)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "junk", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBP", b"BM", b"II*\0"]
)
def test_what_only_begins_like_an_image_is_refused(junk: bytes) -> None:
    for more in (b"", bytes(5000), bytes(range(256)) * 20):
        with pytest.raises(InvalidParameters):
            look(junk + more, MOST)


def test_formats_that_no_network_takes_are_not_opened() -> None:
    for kind in ("ICO", "PPM", "PCX", "EPS"):
        with pytest.raises(InvalidParameters):
            look(encoded(noise((16, 16)), kind), MOST)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_what_was_written_beside_the_pixels_does_not_go_out(kind: str) -> None:
    made = fit(with_metadata(half("red", "blue"), kind), limits(), MOST)
    assert b"canary" not in made.content
    image = opened(made)
    assert dict(image.getexif()) == {}
    assert "comment" not in image.info


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("width", [None, 100])
def test_it_goes_out_as_it_is_seen(kind: str, width: int | None) -> None:
    # Orientation 6: what is left in the file is above, as it is seen.
    sideways = with_metadata(half("red", "blue", (400, 200)), kind, orientation=6)
    image = opened(fit(sideways, limits("image/jpeg", width=width), MOST))
    assert image.size == ((200, 400) if width is None else (100, 200))
    assert about(image.getpixel((50, 20)), (254, 0, 0), 20)
    assert about(image.getpixel((50, image.height - 20)), (0, 0, 254), 20)


def test_colours_are_what_screens_show() -> None:
    """A profile that swaps nothing in the pixels but their meaning: without it the numbers must change."""
    grey = Image.new("RGB", (8, 8), (120, 60, 200))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = opened(fit(encoded(grey, "PNG", icc_profile=lab), limits("image/png"), MOST))
    assert about(same.getpixel((4, 4)), (120, 60, 200), 3)
    assert "icc_profile" not in same.info
    broken = opened(fit(encoded(grey, "PNG", icc_profile=b"no profile at all"), limits("image/png"), MOST))
    assert about(broken.getpixel((4, 4)), (120, 60, 200), 3)


def test_what_a_network_does_not_take_becomes_what_it_takes() -> None:
    seen_through = Image.new("RGBA", (30, 30), (255, 0, 0, 0))
    seen_through.paste((0, 0, 255, 255), (0, 0, 15, 30))
    for kind in ("PNG", "WEBP"):
        flat = opened(fit(encoded(seen_through, kind), limits("image/jpeg"), MOST))
        assert about(flat.getpixel((25, 15)), (255, 255, 255))
        assert about(flat.getpixel((5, 15)), (0, 0, 255))
        kept = opened(fit(encoded(seen_through, kind), limits("image/jpeg", "image/png"), MOST))
        assert kept.mode == "RGBA"
    for kind in ("BMP", "TIFF", "GIF", "WEBP"):
        assert fit(encoded(noise((20, 20)), kind), limits("image/jpeg", "image/png"), MOST).content_type == "image/jpeg"
    with pytest.raises(InvalidParameters):
        fit(png(), limits("image/avif"), MOST)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "F"])
def test_every_way_to_write_pixels_is_understood(mode: str) -> None:
    image = Image.new(mode, (10, 10)) if mode == "I;16" else Image.new("RGB", (10, 10), "white").convert(mode)
    kind = "TIFF" if mode in ("CMYK", "F") else "PNG"
    assert opened(fit(encoded(image, kind), limits("image/jpeg"), MOST)).size == (10, 10)


def test_it_is_not_larger_than_the_network_takes_and_keeps_its_shape() -> None:
    wide = encoded(noise((900, 300)))
    made = fit(wide, limits("image/png", width=600, height=600, most=10_000_000), MOST)
    assert (made.width, made.height, made.content_type) == (600, 200, "image/png")
    small = fit(png(size=(30, 20)), limits(width=600, height=600), MOST)
    assert (small.width, small.height) == (30, 20)


@pytest.mark.parametrize("most", [400_000, 60_000, 5_000, 900])
@pytest.mark.parametrize("types", [("image/jpeg",), ("image/png",), ("image/webp",), ("image/png", "image/jpeg")])
def test_it_has_at_most_so_many_bytes(types: tuple[str, ...], most: int) -> None:
    made = fit(encoded(noise((500, 400))), limits(*types, most=most), MOST)
    opened(made)
    assert len(made.content) <= most
    assert made.content_type in types


def test_what_can_be_made_in_no_so_few_bytes_is_refused() -> None:
    with pytest.raises(InvalidParameters) as refused:
        fit(encoded(noise((500, 400))), limits("image/png", most=40), MOST)
    assert refused.value.code is ErrorCode.CONTENT_TOO_LARGE


def test_a_shape_that_the_network_does_not_take_is_refused_and_not_cut() -> None:
    tall = encoded(noise((100, 300)))
    with pytest.raises(InvalidParameters, match=r"0\.333"):
        fit(tall, limits(min_aspect=0.8, max_aspect=1.91), MOST)
    with pytest.raises(InvalidParameters):
        fit(tall, limits(min_aspect=0.8), MOST)
    with pytest.raises(InvalidParameters):
        fit(encoded(noise((300, 100))), limits(max_aspect=1.91), MOST)
    fit(encoded(noise((191, 100))), limits(min_aspect=0.8, max_aspect=1.91), MOST)


def test_a_jpeg_that_fits_is_not_made_worse() -> None:
    slope = Image.linear_gradient("L").convert("RGB")
    before = Image.open(io.BytesIO(first := encoded(slope, "JPEG", quality=83)))
    made = fit(first, limits(), MOST)
    difference = [abs(a - b) for a, b in zip(opened(made).tobytes(), before.tobytes(), strict=True)]
    assert max(difference) <= 2
    assert len(made.content) <= len(first) * 1.02


def moving(comment: bytes = b"") -> bytes:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "green", "blue")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0, comment=comment)


def test_an_animation_moves_on_where_the_network_takes_it_and_stands_still_elsewhere() -> None:
    made = fit(moving(b"a canary"), limits(), MOST)
    image = opened(made)
    assert (made.content_type, getattr(image, "n_frames", 1)) == ("image/gif", 3)
    assert image.info.get("loop") == 0
    assert b"canary" not in made.content
    still = fit(moving(), limits("image/jpeg"), MOST)
    assert still.content_type == "image/jpeg"
    with pytest.raises(InvalidParameters):
        fit(moving(), limits(most=100), MOST)
    with pytest.raises(InvalidParameters):
        look(moving()[:-20], MOST)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_the_same_bytes_become_the_same_bytes(kind: str) -> None:
    original = encoded(noise((300, 200)), kind)
    for wanted in (limits(), limits("image/jpeg", width=100, most=8_000), limits("image/png", height=50)):
        assert fit(original, wanted, MOST) == fit(original, wanted, MOST)


async def test_they_are_decoded_off_the_event_loop_and_so_many_at_a_time() -> None:
    images = Images(at_once=2, most_pixels=MOST)
    held, most, threads = 0, 0, set()

    async def read() -> bytes:
        nonlocal held, most
        held += 1
        most = max(most, held)
        await asyncio.sleep(0.01)
        threads.add(threading.current_thread().name)
        return encoded(noise((200, 200)))

    async def one() -> None:
        nonlocal held
        await images.look(read)
        held -= 1

    await asyncio.gather(*(one() for _ in range(8)))
    assert most <= 3
    assert threads == {"MainThread"}
    with pytest.raises(InvalidParameters):
        await images.fit(lambda: _bytes(b"junk"), limits())
    assert (await images.fit(lambda: _bytes(png()), limits("image/jpeg"))).content_type == "image/jpeg"


async def _bytes(content: bytes) -> bytes:
    return content


def damaged(whole: bytes) -> Iterator[bytes]:
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        yield whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_whatever_is_changed_in_an_image_it_is_taken_or_refused_and_nothing_else(kind: str) -> None:
    for broken in damaged(encoded(noise((24, 24)), kind)):
        try:
            look(broken, 1_000_000)
            fit(broken, limits("image/jpeg"), 1_000_000)
        except InvalidParameters:
            continue


def test_a_text_in_a_png_that_unpacks_to_no_end_is_refused() -> None:
    packed = zlib.compress(bytes(200_000_000), 9)
    chunk = b"zTXt" + b"Comment\0\0" + packed
    bomb = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    whole = png()
    at = whole.index(b"IDAT") - 4
    with pytest.raises(InvalidParameters):
        look(whole[:at] + bomb + whole[at:], MOST)
