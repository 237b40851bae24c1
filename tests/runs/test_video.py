import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from dreamgaussian.core.errors import ConfigError, EmptyResult
from dreamgaussian.runs.video import write_video


def frames(count: int = 12, height: int = 96, width: int = 128) -> Iterator[np.ndarray]:
    """A red, a green and a blue band under a white bar that wanders to the right."""
    for i in range(count):
        frame = np.zeros((height, width, 3), np.uint8)
        for channel in range(3):
            frame[channel * height // 3 : (channel + 1) * height // 3, :, channel] = 200
        frame[:, i * 8 : i * 8 + 8] = 255
        yield frame


def decoded(path: Path, height: int, width: int) -> tuple[str, np.ndarray]:
    """What ffmpeg says of a video's stream, and its frames."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    stream = re.search(r"Stream #0:0.*Video: (.*)", done.stderr.decode())
    assert stream is not None
    return stream[1], np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3)


def test_an_mp4_plays_everywhere_and_shows_the_frames(tmp_path: Path) -> None:
    path = tmp_path / "turn.mp4"
    write_video(frames(), path, fps=24)
    stream, shown = decoded(path, 96, 128)
    assert stream.startswith("h264")
    assert "yuv420p(tv, bt709" in stream
    assert "128x96" in stream
    assert "24 fps" in stream
    assert len(shown) == 12
    errors = [np.abs(a.astype(float) - b).mean() for a, b in zip(frames(), shown, strict=True)]
    assert max(errors) < 6


def test_colours_survive_the_video(tmp_path: Path) -> None:
    colors = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128), (255, 255, 255)]
    still = np.repeat(np.repeat(np.array([colors], np.uint8), 48, axis=0), 32, axis=1)
    write_video([still] * 5, tmp_path / "still.mp4")
    last = decoded(tmp_path / "still.mp4", 48, 160)[1][-1]
    for i, color in enumerate(colors):
        np.testing.assert_allclose(last[24, 32 * i + 16], color, atol=5)


def test_an_mp4_starts_to_play_while_it_loads(tmp_path: Path) -> None:
    write_video(frames(), tmp_path / "turn.mp4")
    content = (tmp_path / "turn.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_odd_sizes_are_padded_by_repeating_the_edge(tmp_path: Path) -> None:
    write_video(frames(height=63, width=65), tmp_path / "odd.mp4")
    stream, shown = decoded(tmp_path / "odd.mp4", 64, 66)
    assert "66x64" in stream
    np.testing.assert_allclose(shown[0][:, -1].astype(float), shown[0][:, -2], atol=40)


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_animations_loop_forever(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"turn{ending}"
    write_video(frames(), path, fps=25)
    with Image.open(path) as image:
        assert image.n_frames == 12
        assert image.info["loop"] == 0
        image.seek(3)
        image.load()
        assert image.info["duration"] == 40
        shown = np.asarray(image.convert("RGB")).astype(float)
    np.testing.assert_allclose(shown[16, 100], (200, 0, 0), atol=12)


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    write_video(frames(), tmp_path / "a.mp4")
    write_video(frames(), tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_another_ending_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"turn\.avi .*\.mp4, \.gif, \.webp"):
        write_video(frames(), tmp_path / "turn.avi")


def test_no_frames_make_no_video(tmp_path: Path) -> None:
    with pytest.raises(EmptyResult, match="no frames"):
        write_video([], tmp_path / "turn.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_an_error_half_way_leaves_no_file(tmp_path: Path, ending: str) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield from frames(3)
        raise RuntimeError("the renderer failed")

    with pytest.raises(RuntimeError, match="the renderer failed"):
        write_video(failing(), tmp_path / f"turn{ending}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_no_place_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_video(frames(), tmp_path / "no" / "turn.mp4")
