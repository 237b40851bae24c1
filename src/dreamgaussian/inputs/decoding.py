"""Image files of any format, orientation, colour mode and profile, decoded to straight sRGB and alpha.

No torch here, so that the command line checks its input at once.
"""

import io
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageCms, ImageOps

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.image import to_float

logger = logging.getLogger(__name__)

MIN_SIDE = 16
"""Pixels. A subject or image that is smaller says nothing about a shape."""
MAX_PIXELS = 89_000_000
"""Pillow's own limit (`Image.MAX_IMAGE_PIXELS`): above it an image may be a decompression bomb."""
WORKING_SIDE = 1536
"""Images of a longer side are shrunk to this when they are decoded; everything after works on the shrunk one."""
ALPHA_SEEN = 0.1
"""Pixels of a lower alpha count as transparent."""


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image file."""

    rgba: Float[np.ndarray, "h w 4"]
    """sRGB with straight alpha, in [0, 1]."""
    scale: float
    """Pixels of the upright file per pixel of `rgba`; at least 1."""
    name: str
    """Its name in messages: its path, where it has one."""

    @property
    def is_cut_out(self) -> bool:
        """Whether more of the image is transparent than rounded corners are."""
        return float((self.rgba[..., 3] < 0.5).mean()) > 0.01


@dataclass(frozen=True, eq=False)
class PosedInput:
    """A decoded image that shows the subject from another side."""

    image: DecodedImage
    angles_deg: tuple[float, float]
    """Azimuth and elevation from which it was taken."""


def read_image(path: Path) -> DecodedImage:
    """Decode an image file: first frame, turned upright, in sRGB, shrunk to `WORKING_SIDE` where it is larger.

    Raises `InputError` where there is no such file, it is not a whole image, or its size is out of bounds.
    """
    if not path.exists():
        raise InputError(f"There is no file {path}. Check the path of the image.")
    if not path.is_file():
        raise InputError(f"{path} is a {'folder' if path.is_dir() else 'device'}. Give the path of one image.")
    try:
        image = _decode(path)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path} has more than {MAX_PIXELS / 1e6:.0f} megapixels. Give a smaller image.") from error
    except InputError:
        raise
    except Exception as error:  # Decoders answer broken files with every exception there is.
        reason = " ".join(str(error).replace(repr(str(path)), "this file").split()).rstrip(".") or type(error).__name__
        raise InputError(f"{path} cannot be read as an image ({reason}). Give a PNG, JPEG or WebP file.") from error
    width, height = image.size
    factor = max(1.0, max(width, height) / WORKING_SIDE)
    if factor > 1:
        size = (max(1, round(width / factor)), max(1, round(height / factor)))
        image = image.resize(size, Image.Resampling.BOX)
    return DecodedImage(to_float(image), factor, str(path))


def check_image(path: Path) -> None:
    """Raise `InputError` now for an image that could not be used later; needs no model and no torch."""
    rgba = read_image(path).rgba
    seen = rgba[..., 3] > ALPHA_SEEN
    if not seen.any():
        raise InputError(f"{path} is transparent everywhere. Give an image with something in it.")
    if np.ptp(rgba[seen], axis=0).max() < 1 / 255 and seen.all():
        raise InputError(f"{path} has one colour everywhere. Give an image with something in it.")


def _decode(path: Path) -> Image.Image:
    """The file as an upright 8-bit RGBA image in sRGB."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Broken metadata is no concern of the user's.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.init()
        formats = [name for name in Image.OPEN if name != "EPS"]  # EPS would run Ghostscript on the user's file.
        with Image.open(path, formats=formats) as image:
            width, height = image.size
            if min(width, height) < MIN_SIDE:
                raise InputError(f"{path} has only {width}x{height} pixels. Give an image of at least 64x64.")
            if width * height > MAX_PIXELS:
                raise Image.DecompressionBombError
            image.load()
            upright = ImageOps.exif_transpose(image)
            return _in_srgb(_in_8_bits(upright), path)


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Deep greyscale images as 8-bit ones; others unchanged."""
    if image.mode == "F":
        raise ValueError("floating-point images have no agreed white")
    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image).astype(np.float64)
    return Image.fromarray(np.clip(np.rint(levels / 257), 0, 255).astype(np.uint8))


def _in_srgb(image: Image.Image, path: Path) -> Image.Image:
    """RGBA through the image's own colour profile, where it has one that can be read."""
    profile: bytes | None = image.info.get("icc_profile")
    plain = image.convert("RGBA")
    if not profile:
        return plain
    color = image if image.mode in ("L", "RGB", "CMYK") else plain.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(color, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError) as error:
        logger.warning("The colour profile of %s cannot be used (%s); its colours are taken as sRGB.", path, error)
        return plain
    assert converted is not None
    converted.putalpha(plain.getchannel("A"))
    return converted
