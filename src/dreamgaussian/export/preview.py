"""The contact sheet: input, Gaussians and mesh on one picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from dreamgaussian.export import atomic_path

TILE = 256
GAP = 16
MARGIN = 32
LABEL = 30
PAGE = (255, 255, 255)
CARD = (241, 242, 244)
INK = (52, 54, 60)
FAINT = (140, 143, 150)


def contact_sheet(
    input_picture: Float[Tensor, "h w _"],
    gaussian_views: Sequence[Float[Tensor, "h w _"]],
    mesh_views: Sequence[Float[Tensor, "h w _"]],
    azimuths_deg: Sequence[float] = (0, 90, 180, 270),
) -> UInt8[np.ndarray, "height width 3"]:
    """The input at the left, beside it a row of views of the Gaussians over a row of views of the mesh.

    Pictures are sRGB in [0, 1], with straight alpha as a fourth channel or without; those with alpha sit on the
    sheet's light cards. The views' azimuths are their labels.
    """
    columns = max(len(gaussian_views), len(mesh_views))
    big = 2 * TILE + GAP + LABEL
    height = 2 * MARGIN + 2 * LABEL + 2 * TILE + GAP
    left = MARGIN + big + 2 * GAP
    sheet = Image.new("RGB", (left + columns * (TILE + GAP) - GAP + MARGIN, height), PAGE)
    _card(sheet, input_picture, (MARGIN, MARGIN + LABEL), big, "Input", "")
    for row, (title, views) in enumerate((("Gaussians", gaussian_views), ("Mesh", mesh_views))):
        top = MARGIN + LABEL + row * (TILE + GAP + LABEL)
        for column, (view, azimuth) in enumerate(zip(views, azimuths_deg, strict=False)):
            corner = (left + column * (TILE + GAP), top)
            _card(sheet, view, corner, TILE, title if column == 0 else "", f"{azimuth:g}°")
    return np.asarray(sheet)


def write_png(picture: UInt8[np.ndarray, "h w 3"], path: Path) -> None:
    """Write a picture as PNG."""
    with atomic_path(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG", optimize=True)


def _card(
    sheet: Image.Image, picture: Float[Tensor, "h w _"], corner: tuple[int, int], side: int, title: str, note: str
) -> None:
    """A rounded light square that holds the picture, a title over its left end, a note over its right end."""
    x, y = corner
    scale = 4  # the mask's corners are drawn large and shrunk, which smooths them
    mask = Image.new("L", (side * scale, side * scale), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, side * scale - 1, side * scale - 1), radius=14 * scale, fill=255)
    sheet.paste(_on_card(picture, side), corner, mask.resize((side, side), Image.Resampling.BOX))
    draw = ImageDraw.Draw(sheet)
    draw.text((x + 2, y - 9), title, fill=INK, font=ImageFont.load_default(20), anchor="ls")
    draw.text((x + side - 2, y - 9), note, fill=FAINT, font=ImageFont.load_default(16), anchor="rs")


def _on_card(picture: Float[Tensor, "h w _"], side: int) -> Image.Image:
    pixels = (picture.detach().cpu().clamp(0, 1) * 255).round().byte().numpy()
    image = Image.fromarray(pixels).convert("RGBA")
    scale = side / max(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    card = Image.new("RGBA", (side, side), (*CARD, 255))
    card.alpha_composite(image, ((side - image.width) // 2, (side - image.height) // 2))
    return card.convert("RGB")
