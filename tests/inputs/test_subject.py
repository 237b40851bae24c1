import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dreamgaussian.core.errors import ConfigError, InputError
from dreamgaussian.inputs.settings import PosedImage, SubjectSettings
from dreamgaussian.inputs.subject import extend_colors, recentre, subject_from_image

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = SubjectSettings(image_size=128)


def block(width: int, height: int, box: tuple[int, int, int, int], color: tuple[int, int, int] = (200, 30, 60)):
    """A transparent image, green where it is not seen, with one opaque block (left, top, right, bottom)."""
    image = Image.new("RGBA", (width, height), (0, 255, 0, 0))
    image.paste((*color, 255), box)
    return image


def saved(tmp_path: Path, image: Image.Image, name: str = "subject.png") -> Path:
    path = tmp_path / name
    image.save(path)
    return path


def bounds(alpha: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero((alpha > 0.5).any(1)), np.flatnonzero((alpha > 0.5).any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_the_cut_out_is_centred_and_its_longer_side_fills_the_declared_share(tmp_path: Path) -> None:
    path = saved(tmp_path, block(400, 300, (250, 20, 350, 220)))
    view = subject_from_image(path, SMALL, fill=0.75).views[0]
    assert view.image.shape == (128, 128, 4)
    assert view.image.dtype == torch.float32
    left, top, right, bottom = bounds(view.image[..., 3].numpy())
    assert (bottom - top, right - left) == (96, 48)
    assert (left + right, top + bottom) == (128, 128)


@settings(deadline=None, max_examples=40)
@given(
    left=st.integers(0, 60), top=st.integers(0, 60), width=st.integers(16, 80), height=st.integers(16, 80),
    fill=st.floats(0.3, 1.0),
)  # fmt: skip
def test_the_crop_maps_the_square_image_back_to_the_input(
    left: int, top: int, width: int, height: int, fill: float
) -> None:
    rgba = np.zeros((140, 140, 4), dtype=np.float32)
    rgba[top : top + height, left : left + width] = 1
    square, crop = recentre(rgba, rgba[..., 3] > 0, 256, fill)
    x0, y0, x1, y1 = bounds(square[..., 3])
    for offset, found, expected in zip(
        (*crop.offset_px, *crop.offset_px), (x0, y0, x1, y1), (left, top, left + width, top + height), strict=True
    ):
        assert offset + crop.scale * found == pytest.approx(expected, abs=0.51 * max(1, crop.scale))


def test_the_crop_counts_in_pixels_of_the_file_even_when_it_was_shrunk(tmp_path: Path) -> None:
    path = saved(tmp_path, block(3072, 2304, (1000, 500, 2000, 900)))
    crop = subject_from_image(path, SMALL, fill=0.8).views[0].crop
    assert crop.scale * 128 == pytest.approx(1250, rel=0.01)
    assert crop.offset_px == pytest.approx((1500 - 625, 700 - 625), abs=4)


def test_a_subject_at_the_edge_gets_transparent_room_around_it(tmp_path: Path) -> None:
    image = subject_from_image(saved(tmp_path, block(64, 200, (0, 0, 64, 150))), SMALL).views[0].image
    assert image[:, :8, 3].max() == 0
    assert image[:8, :, 3].max() == 0


def test_no_colour_leaks_out_of_transparent_pixels(tmp_path: Path) -> None:
    image = subject_from_image(saved(tmp_path, block(90, 90, (20, 20, 67, 71))), SMALL).views[0].image
    expected = torch.tensor([200, 30, 60]) / 255
    assert (image[..., :3] - expected).abs().max() < 0.02  # everywhere, also where alpha is 0


def test_colours_bleed_from_the_nearest_covered_pixel() -> None:
    rgb = np.zeros((1, 6, 3), dtype=np.float32)
    rgb[0, 1], rgb[0, 5] = (1, 0, 0), (0, 0, 1)
    alpha = np.array([[0, 1, 0, 0, 0, 1]], dtype=np.float32)
    bled = extend_colors(rgb, alpha)
    np.testing.assert_array_equal(bled[0, :3], [(1, 0, 0)] * 3)
    np.testing.assert_array_equal(bled[0, 4:], [(0, 0, 1)] * 2)


def test_specks_do_not_move_the_subject(tmp_path: Path) -> None:
    image = block(300, 300, (100, 100, 200, 200))
    clean = subject_from_image(saved(tmp_path, image), SMALL).views[0]
    image.paste((255, 255, 255, 255), (2, 2, 5, 5))
    specked = subject_from_image(saved(tmp_path, image), SMALL).views[0]
    assert specked.crop == clean.crop


def test_the_camera_is_at_azimuth_0_and_the_given_elevation(tmp_path: Path) -> None:
    settings = SubjectSettings(elevation_deg=20, image_size=128)
    path = saved(tmp_path, block(100, 100, (20, 20, 80, 80)))
    camera = subject_from_image(path, settings, radius=2.5, fovy_deg=40).views[0].camera
    assert camera.azimuth_deg == pytest.approx(0)
    assert camera.elevation_deg == pytest.approx(20)
    assert (camera.radius, camera.fovy_deg) == (pytest.approx(2.5), 40)
    assert (camera.width, camera.height) == (128, 128)


def test_words_come_along(tmp_path: Path) -> None:
    path = saved(tmp_path, block(100, 100, (20, 20, 80, 80)))
    assert subject_from_image(path, SMALL, prompt="a brick").prompt == "a brick"


def test_transparent_subjects_are_kept(tmp_path: Path) -> None:
    image = block(100, 100, (20, 20, 80, 80))
    image.putalpha(image.getchannel("A").point(lambda a: a * 0.4))
    alpha = subject_from_image(saved(tmp_path, image), SMALL).views[0].image[..., 3]
    assert alpha[64, 64] == pytest.approx(0.4, abs=0.01)


def test_an_empty_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"subject\.png is transparent everywhere\. Give an image with something"):
        subject_from_image(saved(tmp_path, Image.new("RGBA", (64, 64))), SMALL)


def test_an_image_without_background_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, block(64, 64, (0, 0, 64, 64)))
    with pytest.raises(
        InputError, match=r"has no background: the subject covers 100\.0% of it\. Pass --subject\.background remove"
    ):
        subject_from_image(path, SubjectSettings(background="keep"))


def test_a_tiny_subject_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, block(300, 300, (100, 100, 109, 104)))
    with pytest.raises(InputError, match="is only 9x4 pixels large"):
        subject_from_image(path, SMALL)


def test_a_featureless_photo_has_no_subject(tmp_path: Path) -> None:
    sky = np.linspace(90, 160, 200)[:, None, None] * np.array([0.5, 0.8, 1.0]) * np.ones((1, 200, 1))
    path = saved(tmp_path, Image.fromarray(sky.astype(np.uint8)), "sky.png")
    with pytest.raises(InputError, match=r"No subject was found in .*sky\.png\. Give an image of one object"):
        subject_from_image(path, SMALL)


def test_a_subject_that_is_cut_off_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        subject_from_image(saved(tmp_path, block(100, 100, (40, 30, 100, 70))), SMALL)
    assert "cut off at the right; what is missing is made up" in caplog.text
    caplog.clear()
    subject_from_image(EXAMPLES / "hamburger.png", SMALL)
    assert "cut off" not in caplog.text


def test_background_removal_is_for_opaque_images_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        kept = subject_from_image(EXAMPLES / "hamburger.png", SMALL).views[0]
        assert "Removing the background" not in caplog.text
        settings = SubjectSettings(background="remove", image_size=128)
        removed = subject_from_image(EXAMPLES / "hamburger.png", settings).views[0]
    assert "Removing the background" in caplog.text
    assert (kept.image[..., 3] - removed.image[..., 3]).abs().mean() < 0.02


@pytest.mark.parametrize(("name", "value"), [("elevation_deg", 91.0), ("elevation_deg", float("nan"))])
def test_impossible_elevations_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=r"elevation_deg is .*\. Give an angle from -90 to 90 degrees"):
        SubjectSettings(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, 63, 2049])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ConfigError, match=rf"image_size is {size}\. Give a number of pixels from 64 to 2048"):
        SubjectSettings(image_size=size)


def test_further_images_get_their_cameras_and_the_first_ones_scale(tmp_path: Path) -> None:
    front = saved(tmp_path, block(200, 200, (60, 20, 140, 180)), "front.png")
    side = saved(tmp_path, block(400, 300, (10, 50, 130, 250), (0, 0, 250)), "side.png")
    top = saved(tmp_path, block(200, 200, (60, 80, 140, 120)), "top.png")
    views = (PosedImage(str(side), 90), PosedImage(str(top), 0, 90))
    settings = SubjectSettings(image_size=128, elevation_deg=0, views=views)
    seen = subject_from_image(front, settings, fill=0.75, radius=3).views
    assert [round(view.camera.azimuth_deg) % 360 for view in seen[:2]] == [0, 90]
    assert [round(view.camera.elevation_deg) for view in seen] == [0, 0, 90]
    assert [view.camera.radius for view in seen] == pytest.approx([3, 3, 3])
    boxes = [bounds(view.image[..., 3].numpy()) for view in seen]
    sizes = [(right - left, bottom - top) for left, top, right, bottom in boxes]
    # The side has the front's height, the view from above its width.
    assert sizes == [(48, 96), (pytest.approx(57.6, abs=1), 96), (48, 24)]
    for left, top, right, bottom in boxes:
        assert (left + right, top + bottom) == pytest.approx((128, 128), abs=1)
    assert seen[1].crop.scale == pytest.approx(200 / 96, rel=0.01)
    assert seen[1].image[64, 64].tolist() == pytest.approx([0, 0, 250 / 255, 1], abs=0.01)


def test_each_image_is_turned_upright_and_cut_out_by_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    front = saved(tmp_path, block(200, 200, (60, 20, 140, 180)), "front.png")
    lying = saved(tmp_path, block(200, 200, (60, 20, 140, 180)).rotate(90), "back.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turn by 90 degrees clockwise to show
    Image.open(lying).save(lying, exif=exif)
    photo = Image.new("RGB", (256, 256), (90, 140, 200))
    cup = Image.open(EXAMPLES / "hamburger.png").convert("RGBA").resize((160, 160))
    photo.paste(cup, (48, 48), cup)
    photo.save(tmp_path / "left.jpg", quality=95)
    views = (PosedImage(str(lying), 180), PosedImage(str(tmp_path / "left.jpg"), 90))
    with caplog.at_level(logging.INFO):
        seen = subject_from_image(front, SubjectSettings(image_size=128, views=views)).views
    assert bounds(seen[1].image[..., 3].numpy()) == bounds(seen[0].image[..., 3].numpy())
    assert caplog.text.count("Removing the background") == 1
    assert seen[2].image[:8, :, 3].max() < 0.1


def test_a_further_image_that_is_missing_is_named(tmp_path: Path) -> None:
    front = saved(tmp_path, block(90, 90, (20, 20, 67, 71)))
    with pytest.raises(InputError, match=r"There is no file back\.png"):
        subject_from_image(front, SubjectSettings(views=(PosedImage("back.png", 180),)))


@pytest.mark.parametrize(
    ("words", "image"),
    [
        ("back.png@180", PosedImage("back.png", 180)),
        ("a@b/c.png@-90,12.5", PosedImage("a@b/c.png", -90, 12.5)),
    ],
)
def test_an_image_with_its_direction_is_one_word(words: str, image: PosedImage) -> None:
    assert PosedImage.parse(words) == image
    assert str(image) == words


@pytest.mark.parametrize("words", ["back.png", "@180", "back.png@", "back.png@left", "back.png@1,2,3"])
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(ConfigError, match=r"is not an image with its direction\. Write FILE@AZIMUTH,ELEVATION"):
        PosedImage.parse(words)


@pytest.mark.parametrize(
    ("words", "message"),
    [("b.png@400", "The azimuth of b.png is 400"), ("b.png@0,nan", "The elevation of b.png is nan")],
)
def test_impossible_directions_are_refused(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PosedImage.parse(words)


@pytest.mark.parametrize(
    ("first", "second"), [("a.png@360", "b.png@90"), ("a.png@90", "b.png@-270,15.5"), ("a.png@10,90", "b.png@99,90")]
)
def test_two_images_from_one_direction_are_refused(first: str, second: str) -> None:
    views = (PosedImage.parse(first), PosedImage.parse(second))
    with pytest.raises(ConfigError, match=r"are both said to be taken from azimuth .* Give each image a direction"):
        SubjectSettings(elevation_deg=15, views=views)


def test_images_of_one_camera_share_the_front_s_crop(tmp_path: Path) -> None:
    front = saved(tmp_path, block(200, 200, (60, 40, 140, 160)), "front.png")
    side = saved(tmp_path, block(200, 200, (70, 50, 110, 170)), "side.png")
    settings = SubjectSettings(image_size=128, views=(PosedImage(str(side), 90),), framing="shared")
    seen = subject_from_image(front, settings, fill=0.75).views
    assert seen[0].crop == seen[1].crop
    assert bounds(seen[1].image[..., 3].numpy()) == pytest.approx((40, 24, 72, 120), abs=1)
    saved(tmp_path, block(300, 200, (70, 50, 110, 170)), "side.png")
    with pytest.raises(InputError, match=r"side\.png has 300x200 pixels and .*front\.png has 200x200, so they cannot"):
        subject_from_image(front, settings)
