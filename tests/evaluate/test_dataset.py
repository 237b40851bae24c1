"""The shipped objects: complete, credited, and their images, cameras and points of one mind."""

import numpy as np
import pytest
import torch

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.image import on_white, psnr
from dreamgaussian.evaluate.dataset import (
    POINT_STEP,
    VIEW_SIZE,
    decode_image,
    decode_points,
    encode_image,
    read_index,
    read_object,
    shipped_objects,
)
from factory.benchmark import encode_points
from factory.holdout import BENCHMARK_NAMES

ENTRIES = read_index()


def test_all_held_out_objects_are_there_once_and_credited():
    assert sorted(entry.name for entry in ENTRIES) == sorted(BENCHMARK_NAMES)
    assert all(entry.creator and entry.licence in ("CC0 1.0", "CC-BY 3.0") for entry in ENTRIES)


def test_the_archive_is_small_enough_to_ship():
    assert shipped_objects().stat().st_size <= 8_000_000


def test_cameras_are_where_the_benchmark_wants_them():
    for entry in ENTRIES:
        assert 10 <= entry.elevation_deg <= 20
        assert len(entry.views_deg) == 16
        assert all(-15 <= elevation <= 45 for _, elevation in entry.views_deg)
        assert min(abs(azimuth) for azimuth, _ in entry.views_deg) > 10


@pytest.mark.parametrize("entry", ENTRIES[::8], ids=lambda entry: entry.name)
def test_images_cameras_and_points_agree(entry):
    subject = read_object(entry)
    assert subject.views.shape == (16, VIEW_SIZE, VIEW_SIZE, 4)
    assert subject.points.shape == (20_000, 3)
    points = torch.from_numpy(subject.points).double()
    for camera, view in zip([entry.input_camera, *entry.cameras], [subject.input_view, *subject.views], strict=True):
        columns, rows = camera.project(points)[0].long().clamp(0, VIEW_SIZE - 1).T
        covered = torch.nn.functional.max_pool2d(view[None, ..., 3], 3, stride=1, padding=1)[0]
        assert (covered[rows, columns] > 0).double().mean() > 0.99


@pytest.mark.parametrize("entry", ENTRIES[::8], ids=lambda entry: entry.name)
def test_the_input_view_fills_its_frame_as_a_users_image_would(entry):
    seen = read_object(entry).input_view[..., 3] > 0.5
    sides = [int(seen.any(dim=axis).nonzero().max() - seen.any(dim=axis).nonzero().min()) + 1 for axis in (0, 1)]
    assert max(sides) / VIEW_SIZE == pytest.approx(0.8, abs=0.02)


def test_points_survive_encoding_up_to_the_grid():
    points = np.random.default_rng(0).uniform(-0.9, 0.9, size=(500, 3))
    decoded = decode_points(encode_points(points))
    distances = np.abs(points[:, None] - decoded).max(axis=2).min(axis=1)
    assert distances.max() <= POINT_STEP / 2 + 1e-6


def test_images_survive_encoding_with_exact_alpha():
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    alpha = np.broadcast_to(ramp[:, None], (64, 64))
    view = np.dstack([alpha // 2, alpha // 3, alpha, alpha]).astype(np.uint8)
    decoded = decode_image(encode_image(view, 85))
    truth = torch.from_numpy(view.astype(np.float32) / 255)
    assert torch.equal((decoded[..., 3] * 255).round(), (truth[..., 3] * 255).round())
    assert psnr(on_white(decoded), on_white(truth)) > 38


def test_a_broken_archive_is_an_error_with_advice(tmp_path):
    path = tmp_path / "objects.zip"
    path.write_text("no zip")
    with pytest.raises(InputError, match=r"index.json cannot be read .* Install the package again"):
        read_index(path)
