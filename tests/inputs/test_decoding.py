import io
import logging
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from dreamgaussian.core.errors import InputError
from dreamgaussian.inputs.decoding import WORKING_SIDE, check_image, read_image

EXAMPLES = Path(__file__).parents[2] / "examples"


def gradient(width: int = 48, height: int = 32) -> Image.Image:
    """Red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.dstack([x, y, np.full_like(x, 60)]).astype(np.uint8))


def write(tmp_path: Path, image: Image.Image, name: str, **options: object) -> Path:
    path = tmp_path / name
    image.save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.png", {}, 0),
        ("a.jpg", {"quality": 95, "subsampling": 0}, 12),
        ("a.webp", {"lossless": True}, 0),
        ("a.bmp", {}, 0),
        ("a.tiff", {}, 0),
        ("a.ppm", {}, 0),
    ],
)
def test_every_common_format_gives_the_same_image(
    tmp_path: Path, name: str, options: dict[str, object], tolerance: int
) -> None:
    image = read_image(write(tmp_path, gradient(), name, **options))
    expected = np.asarray(gradient(), dtype=np.float32) / 255
    assert image.rgba.shape == (32, 48, 4)
    assert image.scale == 1
    np.testing.assert_allclose(image.rgba[..., :3], expected, atol=tolerance / 255 + 1e-6)
    assert (image.rgba[..., 3] == 1).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_colour_mode_is_read(tmp_path: Path, mode: str) -> None:
    name = "a.tiff" if mode in ("CMYK", "YCbCr") else "a.png"
    source = gradient().convert(mode)
    rgba = read_image(write(tmp_path, source, name)).rgba
    np.testing.assert_allclose(rgba, np.asarray(source.convert("RGBA")) / 255, atol=1e-6)


def test_deep_grey_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    levels = np.linspace(0, 65535, 32 * 48).reshape(32, 48).astype(np.uint16)
    rgba = read_image(write(tmp_path, Image.fromarray(levels), "deep.png")).rgba
    np.testing.assert_allclose(rgba[..., 0], levels / 65535, atol=1 / 255)


def test_palette_transparency_is_alpha(tmp_path: Path) -> None:
    image = gradient().quantize(8)
    rgba = read_image(write(tmp_path, image, "palette.png", transparency=0)).rgba
    np.testing.assert_array_equal(rgba[..., 3] == 0, np.asarray(image) == 0)
    assert (rgba[..., 3] == 0).any()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright_whatever_the_camera_did(tmp_path: Path, orientation: int) -> None:
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Image.Transpose that the camera's turn undoes
    undo = {0: 0, 1: 1, 2: 4, 3: 3, 4: 2, 5: 5, 6: 6}
    stored = gradient()
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[turn[orientation]]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    rgba = read_image(write(tmp_path, stored, "turned.png", exif=exif)).rgba
    np.testing.assert_allclose(rgba[..., :3], np.asarray(gradient()) / 255, atol=1e-6)


def test_a_colour_profile_is_applied(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = read_image(write(tmp_path, gradient(), "srgb.png", icc_profile=srgb)).rgba
    np.testing.assert_allclose(same[..., :3], np.asarray(gradient()) / 255, atol=1.01 / 255)
    linear = linear_profile()
    brighter = read_image(write(tmp_path, gradient(), "linear.png", icc_profile=linear)).rgba
    assert brighter[16, 24, 0] == pytest.approx(0.735, abs=0.02)  # linear 0.5 in sRGB's encoding


def linear_profile() -> bytes:
    """sRGB's own profile with its three tone curves made straight."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    for i in range(count):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * i)
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            profile[offset : offset + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
    return bytes(profile)


def test_a_broken_colour_profile_is_ignored_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, gradient(), "profile.png", icc_profile=b"not a profile")
    with caplog.at_level(logging.WARNING):
        rgba = read_image(path).rgba
    np.testing.assert_allclose(rgba[..., :3], np.asarray(gradient()) / 255, atol=1e-6)
    assert "colour profile" in caplog.text


def test_a_large_image_is_shrunk_and_says_by_how_much(tmp_path: Path) -> None:
    image = read_image(write(tmp_path, gradient(3 * WORKING_SIDE, 600), "large.png"))
    assert image.rgba.shape == (200, WORKING_SIDE, 4)
    assert image.scale == 3


def test_shrinking_leaks_no_colour_out_of_transparent_pixels(tmp_path: Path) -> None:
    pixels = np.zeros((64, 2 * WORKING_SIDE, 4), dtype=np.uint8)
    pixels[..., 1] = 255  # green where nothing is seen
    pixels[:, ::2] = (255, 0, 0, 255)
    rgba = read_image(write(tmp_path, Image.fromarray(pixels), "striped.png")).rgba
    np.testing.assert_allclose(rgba[8, 8], (1, 0, 0, 0.5), atol=0.01)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as an image"),
        (b"hello, I am a text file", r"Give a PNG, JPEG or WebP file"),
        (b"\x89PNG\r\n\x1a\n", "cannot be read as an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\nshowpage\n", "cannot be read"),
    ],
)
def test_what_is_not_an_image_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        check_image(path)
    assert "\n" not in str(caught.value)
    assert "cat.png" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*cat\.png\. Check the path"):
        check_image(tmp_path / "cat.png")


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder\. Give the path of one image"):
        check_image(tmp_path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.tiff"])
def test_a_truncated_image_is_refused(tmp_path: Path, name: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    path = write(tmp_path, noise, name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="cannot be read as an image"):
        check_image(path)


def test_a_tiny_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has only 40x7 pixels"):
        check_image(write(tmp_path, gradient(40, 7), "tiny.png"))


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_an_absurdly_large_image_is_refused_before_it_is_decoded(tmp_path: Path, side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + bytes(4))
    with pytest.raises(InputError, match=r"has more than 89 megapixels\. Give a smaller image"):
        check_image(path)


def test_a_transparent_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is transparent everywhere"):
        check_image(write(tmp_path, Image.new("RGBA", (64, 64)), "nothing.png"))


def test_an_image_of_one_colour_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has one colour everywhere"):
        check_image(write(tmp_path, Image.new("RGB", (64, 64), "white"), "white.png"))


@pytest.mark.parametrize("path", sorted(p for p in EXAMPLES.iterdir() if p.suffix in (".png", ".webp")), ids=str)
def test_the_shipped_examples_are_cut_out_images(path: Path) -> None:
    check_image(path)
    assert read_image(path).is_cut_out


def test_checking_an_image_loads_no_torch() -> None:
    program = "import sys, pathlib, dreamgaussian.inputs.decoding as p; p.check_image(pathlib.Path(sys.argv[1]))"
    program += "; assert 'torch' not in sys.modules and 'onnxruntime' not in sys.modules"
    subprocess.run([sys.executable, "-c", program, EXAMPLES / "hamburger.png"], check=True)


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    gradient().convert("RGBA" if kind != "JPEG" else "RGB").save(buffer, kind)
    return buffer.getvalue()


WHOLE = {kind: encoded(kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")}


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(WHOLE)), seed=st.integers(0, 2**32), count=st.integers(1, 30))
def test_a_damaged_image_is_read_or_refused_in_one_line(tmp_path: Path, kind: str, seed: int, count: int) -> None:
    damage = random.Random(seed)
    content = bytearray(WHOLE[kind])
    for _ in range(count):
        content[damage.randrange(len(content))] = damage.randrange(256)
    path = tmp_path / "damaged"
    path.write_bytes(content[: damage.randrange(len(content) // 2, len(content) + 1)])
    message, rgba = "", np.zeros(1)
    try:
        rgba = read_image(path).rgba
    except InputError as error:
        message = str(error)
    assert "\n" not in message
    assert ((rgba >= 0) & (rgba <= 1)).all()
