import numpy as np
import pytest
import torch

from dreamgaussian.runs.preview import CARD, PAGE, TILE, contact_sheet


def disc(side: int, color: tuple[float, float, float], premultiplied: bool = True) -> torch.Tensor:
    y, x = torch.meshgrid(*[torch.arange(side) + 0.5 - side / 2] * 2, indexing="ij")
    alpha = (side / 3 - torch.hypot(x, y) + 0.5).clamp(0, 1)[..., None]
    rgb = torch.tensor(color).expand(side, side, 3)
    return torch.cat([rgb * alpha if premultiplied else rgb, alpha], dim=-1)


def has_color(part: np.ndarray, color: tuple[float, float, float]) -> bool:
    return bool((np.abs(part / 255 - np.array(color)) < 0.01).all(axis=-1).any())


def test_the_sheet_shows_input_gaussians_and_mesh_in_their_places() -> None:
    red, green, blue = (0.9, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.9)
    sheet = contact_sheet(disc(512, red, premultiplied=False), [disc(320, green)] * 4, [disc(320, blue)] * 4)
    assert sheet.dtype == np.uint8
    height, width, _ = sheet.shape
    left, right = sheet[:, : width // 3], sheet[:, width // 3 :]
    assert has_color(left, red)
    assert has_color(right[: height // 2], green)
    assert not has_color(right[: height // 2], blue)
    assert has_color(right[height // 2 :], blue)
    assert not has_color(right[height // 2 :], green)


def test_edges_have_no_dark_or_light_rim() -> None:
    black = contact_sheet(disc(TILE, (0, 0, 0), premultiplied=False), [disc(TILE, CARD_COLOR)] * 4, [])
    row = black[32 + 30 + TILE // 2, -TILE:-40].astype(int)  # through a card-coloured disc on a card
    assert np.abs(row - np.array(CARD)).max() <= 2


CARD_COLOR = (CARD[0] / 255, CARD[1] / 255, CARD[2] / 255)


def test_a_run_without_a_mesh_has_a_sheet_too() -> None:
    image = disc(64, (0.5, 0.5, 0.5))
    with_mesh, without = contact_sheet(image, [image] * 4, [image] * 4), contact_sheet(image, [image] * 4, [])
    assert without.shape == with_mesh.shape
    assert (without[without.shape[0] // 2 + 40 :, without.shape[1] // 2 :] == PAGE).all()


@pytest.mark.parametrize("shape", [(64, 64, 3), (1, 1, 4), (30, 400, 4), (600, 200, 3)])
def test_views_of_any_size_fit_their_cards(shape: tuple[int, int, int]) -> None:
    sheet = contact_sheet(disc(64, (1, 0, 0)), [torch.zeros(shape)] * 4, [torch.ones(shape)] * 4)
    usual = contact_sheet(disc(64, (1, 0, 0)), [], [])
    assert sheet.shape == usual.shape


def test_values_out_of_range_are_clipped() -> None:
    sheet = contact_sheet(disc(64, (1, 0, 0)), [torch.full((8, 8, 3), 7.0)], [torch.full((8, 8, 3), -7.0)])
    assert has_color(sheet, (1, 1, 1))
    assert has_color(sheet, (0, 0, 0))


def test_the_same_images_give_the_same_sheet() -> None:
    views = [disc(100, (0.2, 0.4, 0.6))] * 4
    np.testing.assert_array_equal(contact_sheet(views[0], views, views), contact_sheet(views[0], views, views))
