"""Frames as a video: .mp4 by ffmpeg, .gif and .webp by Pillow."""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from dreamgaussian.core.errors import ConfigError, EmptyResult
from dreamgaussian.core.files import atomic_path

VIDEO_ENDINGS = (".mp4", ".gif", ".webp")
BT709 = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]


def write_video(frames: Iterable[UInt8[np.ndarray, "h w 3"]], path: Path, fps: float = 30.0) -> None:
    """Write sRGB frames of one size as an endless animation (.gif, .webp) or an H.264 video (.mp4).

    Frames are taken one by one for .mp4, so that a generator needs little memory. Raises `ConfigError` for another
    ending or a place that can't be written, `EmptyResult` where there are no frames.
    """
    ending = path.suffix.lower()
    if ending not in VIDEO_ENDINGS:
        raise ConfigError(f"{path} is no video format that is known. Use one of {', '.join(VIDEO_ENDINGS)}.")
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise EmptyResult(f"There are no frames to write to {path}. Ask for at least one.")
    frames = itertools.chain([first], iterator)
    with atomic_path(path) as temporary:
        if ending == ".mp4":
            _write_mp4(frames, first.shape[:2], temporary, fps)
        else:
            _write_animation(frames, temporary, fps)


def _write_mp4(frames: Iterable[UInt8[np.ndarray, "h w 3"]], shape: tuple[int, int], path: Path, fps: float) -> None:
    """H.264 in yuv420p, which every player shows, with the index in front, so that it plays while it loads."""
    import imageio_ffmpeg

    height, width = shape
    odd = ((0, height % 2), (0, width % 2), (0, 0))  # yuv420p has half the columns and rows of colour
    writer = imageio_ffmpeg.write_frames(
        path,
        (width + width % 2, height + height % 2),
        fps=cast(Any, fps),  # fractions are fine
        codec="libx264",
        quality=cast(Any, None),
        macro_block_size=2,
        output_params=["-crf", "18", "-vf", "scale=out_color_matrix=bt709", *BT709, "-movflags", "+faststart"],
    )
    writer.send(None)
    try:
        for frame in frames:
            writer.send(np.ascontiguousarray(np.pad(frame, odd, mode="edge")))
    finally:
        writer.close()


def _write_animation(frames: Iterable[UInt8[np.ndarray, "h w 3"]], path: Path, fps: float) -> None:
    first, *others = (Image.fromarray(frame) for frame in frames)
    options: dict[str, Any] = {"quality": 85, "method": 4} if path.suffix.lower() == ".webp" else {}
    first.save(path, save_all=True, append_images=others, duration=round(1000 / fps), loop=0, **options)
