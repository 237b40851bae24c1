"""Making the archive: what may be seen, and the cameras."""

import numpy as np

from dreamgaussian.evaluate.dataset import BenchmarkEntry, decode_image
from factory.benchmark import MIN_PSNR, compress, sphere_directions, view_angles, visible_points
from factory.objects import Material, Model
from factory.render import Light, Scene

CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
CUBE = np.array([triangle for a, b, c, d in QUADS for triangle in ((a, b, c), (a, c, d))])


def cube_in_a_cube(texture: np.ndarray | None = None) -> Model:
    """The inner cube, half as large, is the second material."""
    uvs = np.full((16, 2), 0.5)
    plain = Material(np.array([0.2, 0.5, 0.8], dtype=np.float32), texture)
    return Model(
        vertices=np.concatenate([CORNERS, 0.5 * CORNERS]),
        faces=np.concatenate([CUBE, CUBE + 8]),
        uvs=uvs,
        face_materials=np.repeat([0, 1], 12),
        materials=(plain, Material(np.ones(3, dtype=np.float32), None)),
        texture_hashes=(),
    )


def distance_from_center(model: Model) -> np.ndarray:
    """Largest coordinate of each visible point, in the model's own frame."""
    scene = Scene(model)
    placement = scene.place_three_quarter(15.0)
    points = visible_points(scene, placement, np.random.default_rng(0))
    own = (points - placement.offset) @ np.linalg.inv(placement.matrix).T
    return np.abs(own / scene.scale + scene.center).max(axis=1)


def test_points_lie_only_where_the_surface_is_seen_from_outside():
    assert np.allclose(distance_from_center(cube_in_a_cube()), 1, atol=1e-6)


def test_points_do_not_lie_on_clear_parts_of_a_texture():
    clear = np.zeros((4, 4, 4), dtype=np.float32)
    solid = clear + 1
    assert np.allclose(distance_from_center(cube_in_a_cube(solid)), 1, atol=1e-6)
    model = cube_in_a_cube(clear)
    outside_in = Model(model.vertices * np.repeat([0.25, 2.0], 8)[:, None], *list(vars(model).values())[1:])
    assert np.allclose(distance_from_center(outside_in), 1, atol=1e-6)


def test_the_input_view_is_normalised_like_a_users_picture():
    scene = Scene(cube_in_a_cube())
    entry = BenchmarkEntry("key", "Cube", "", "", "", 15.0, view_angles())
    view = scene.render(scene.place_three_quarter(15.0), entry.input_camera, Light((0, 1, 0), 0.3, 0.1, 0.6), 2)
    rows, columns = np.nonzero(view[..., 3] > 127)
    assert abs(max(np.ptp(rows), np.ptp(columns)) + 1 - 0.8 * 256) <= 2
    assert abs(rows.min() + rows.max() - 255) <= 2
    assert abs(columns.min() + columns.max() - 255) <= 2


def test_compressed_pictures_stay_true():
    rng = np.random.default_rng(0)
    smooth = np.cumsum(np.cumsum(rng.normal(size=(64, 64, 1)), axis=0), axis=1)
    colors = np.array([255, 200, 150]) * (smooth - smooth.min()) / np.ptp(smooth)
    view = np.dstack([colors, np.full((64, 64), 255)]).astype(np.uint8)
    error = decode_image(compress(view)).numpy() - view / 255
    assert -10 * np.log10((error[..., :3] ** 2).mean()) >= MIN_PSNR


def test_views_go_once_round_the_object():
    azimuths, elevations = zip(*view_angles(), strict=True)
    assert np.allclose(np.diff(azimuths), 22.5)
    assert min(elevations) < -10
    assert max(elevations) > 40


def test_sphere_directions_have_unit_length_and_no_mean():
    directions = sphere_directions(64)
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    assert np.linalg.norm(directions.mean(axis=0)) < 0.02
