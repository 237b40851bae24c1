"""The contact sheet: input, Gaussians and mesh on one image."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from dreamgaussian.core.image import over, premultiply, to_uint8

TILE = 256
GAP = 16
MARGIN = 32
LABEL = 30
PAGE = (255, 255, 255)
CARD = (241, 242, 244)
INK = (52, 54, 60)
FAINT = (140, 143, 150)


def contact_sheet(
    input_image: Float[Tensor, "h w 4"] | None,
    gaussian_views: Sequence[Float[Tensor, "i j _"]],
    mesh_views: Sequence[Float[Tensor, "k l _"]],
    azimuths_deg: Sequence[float] = (0, 90, 180, 270),
) -> UInt8[np.ndarray, "height width 3"]:
    """The input, if there is one, at the left, beside it a row of views of the Gaussians over one of the mesh.

    All are sRGB in [0, 1]: the input with straight alpha, the views RGB or, as renders are, RGBA premultiplied by
    alpha. The views' azimuths are their labels.
    """
    rows = (("Gaussians", gaussian_views), ("Mesh", mesh_views))
    big = 2 * TILE + GAP + LABEL
    left = MARGIN if input_image is None else MARGIN + big + 2 * GAP
    width = left + len(azimuths_deg) * (TILE + GAP) - GAP + MARGIN
    sheet = Image.new("RGB", (width, 2 * MARGIN + LABEL + big), PAGE)
    if input_image is not None:
        _add_card(sheet, premultiply(input_image), (MARGIN, MARGIN + LABEL), big, "Input", "")
    for row, (title, views) in enumerate(rows):
        y = MARGIN + LABEL + row * (TILE + GAP + LABEL)
        for column, (view, azimuth) in enumerate(zip(views, azimuths_deg, strict=False)):
            x = left + column * (TILE + GAP)
            _add_card(sheet, view, (x, y), TILE, title if column == 0 else "", f"{azimuth:g}°")
    return np.asarray(sheet)


def _add_card(
    sheet: Image.Image, image: Float[Tensor, "h w _"], corner: tuple[int, int], side: int, title: str, note: str
) -> None:
    """A rounded square that holds the image, a title over its left end, a note over its right end."""
    x, y = corner
    smooth = 4  # the rounded corners are drawn larger and shrunk
    mask = Image.new("L", (side * smooth, side * smooth), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, side * smooth - 1, side * smooth - 1), 14 * smooth, fill=255)
    sheet.paste(_card(image, side), corner, mask.resize((side, side), Image.Resampling.BOX))
    draw = ImageDraw.Draw(sheet)
    draw.text((x + 2, y - 9), title, fill=INK, font=ImageFont.load_default(20), anchor="ls")
    draw.text((x + side - 2, y - 9), note, fill=FAINT, font=ImageFont.load_default(16), anchor="rs")


def _card(image: Float[Tensor, "h w _"], side: int) -> Image.Image:
    """The image over the card's colour, as large as fits, in the middle."""
    color = over(image, image.new_tensor(CARD) / 255) if image.shape[-1] == 4 else image
    thumbnail = Image.fromarray(to_uint8(color))
    scale = side / max(thumbnail.size)
    size = (max(1, round(thumbnail.width * scale)), max(1, round(thumbnail.height * scale)))
    card = Image.new("RGB", (side, side), CARD)
    card.paste(thumbnail.resize(size, Image.Resampling.LANCZOS), ((side - size[0]) // 2, (side - size[1]) // 2))
    return card
