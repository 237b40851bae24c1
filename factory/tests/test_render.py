from dataclasses import replace

import numpy as np
import pytest

from dreamgaussian.core.camera import Camera
from factory.objects import Material, Model, look_up
from factory.render import Light, Scene

FRONTAL = Light((0.0, 0.0, 1.0), key=0.0, head=0.0, ambient=1.0)


def box(size: tuple[float, float, float], texture: np.ndarray | None = None) -> Model:
    """A box with one quad a side, each with the whole texture."""
    vertices, faces, uvs = [], [], []
    for axis in range(3):
        for side in (-0.5, 0.5):
            square = np.zeros((4, 3))
            square[:, axis] = side
            square[:, (axis + 1) % 3] = [-0.5, 0.5, 0.5, -0.5]
            square[:, (axis + 2) % 3] = [-0.5, -0.5, 0.5, 0.5]
            first = 4 * len(vertices)
            faces += [[first, first + 1, first + 2], [first, first + 2, first + 3]]
            vertices.append(square * size)
            uvs.append(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))
    return Model(
        vertices=np.concatenate(vertices) + 7.0,
        faces=np.array(faces),
        uvs=np.concatenate(uvs),
        face_materials=np.zeros(12, dtype=np.int64),
        materials=(Material(np.array([0.8, 0.4, 0.2], dtype=np.float32), texture),),
        texture_hashes=(),
    )


@pytest.mark.parametrize("size", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.5), (0.4, 2.0, 0.3)])
@pytest.mark.parametrize("elevation_deg", [0.0, 25.0])
def test_the_input_view_is_centred_and_its_longer_side_fills_its_share(
    size: tuple[float, float, float], elevation_deg: float
) -> None:
    scene = Scene(box(size))
    placement = scene.place(30.0, elevation_deg, np.ones(3), 0.8)
    alpha = scene.render(placement, Camera.orbit(0.0, elevation_deg, 100), FRONTAL, 2)[..., 3] > 127
    rows, columns = np.nonzero(alpha.any(axis=1))[0], np.nonzero(alpha.any(axis=0))[0]
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(80, abs=2)
    assert rows[0] + rows[-1] == pytest.approx(99, abs=2)
    assert columns[0] + columns[-1] == pytest.approx(99, abs=2)


def test_azimuth_turns_the_model_as_the_camera_convention_says() -> None:
    scene = Scene(box((3.0, 1.0, 0.2)))
    side_on = scene.place(90.0, 0.0, np.ones(3), 0.8)
    widths = [
        (scene.render(side_on, Camera.orbit(azimuth, 0.0, 64), FRONTAL, 1)[..., 3] > 0).any(axis=0).sum()
        for azimuth in (0.0, 90.0)
    ]
    assert widths[1] > 3 * widths[0]


def test_full_light_shows_the_material_premultiplied() -> None:
    scene = Scene(box((1.0, 1.0, 1.0)))
    view = scene.render(scene.place(0.0, 0.0, np.ones(3), 0.8), Camera.orbit(0.0, 0.0, 32), FRONTAL, 2)
    assert view[16, 16].tolist() == [204, 102, 51, 255]
    assert view[0, 0].tolist() == [0, 0, 0, 0]
    assert (view[..., :3].max(axis=-1) <= view[..., 3]).all()


def test_rays_pass_through_clear_texels() -> None:
    half_clear = np.ones((1, 2, 4), dtype=np.float32)
    half_clear[:, 0, 3] = 0
    scene = Scene(box((1.0, 1.0, 1.0), half_clear))
    view = scene.render(scene.place(0.0, 0.0, np.ones(3), 0.8), Camera.orbit(0.0, 0.0, 64), FRONTAL, 1)
    assert 0 < (view[..., 3] == 255).mean() < 0.6


def test_textures_start_at_the_lower_left() -> None:
    texture = np.zeros((2, 2, 4), dtype=np.float32)
    texture[1, 0] = 1
    assert look_up(texture, np.array([[0.1, 0.1], [1.1, -0.9]])).min() == 1
    assert look_up(texture, np.array([[0.1, 0.9], [0.9, 0.1]])).max() == 0


def test_geometry_hash_ignores_place_and_proportions() -> None:
    assert box((1.0, 1.0, 1.0)).geometry_hash == box((3.0, 1.0, 0.2)).geometry_hash


def test_colours_of_vertices_are_interpolated_and_times_the_materials() -> None:
    plain = box((1.0, 1.0, 1.0))
    red = np.zeros((len(plain.vertices), 3), dtype=np.float32)
    red[:, 0] = plain.vertices[:, 1] - 6.5  # from 0 at the bottom to 1 at the top
    scene = Scene(replace(plain, vertex_colors=red))
    view = scene.render(scene.place(0.0, 0.0, np.ones(3), 0.8), Camera.orbit(0.0, 0.0, 65), FRONTAL, 1)
    assert view[32, 32].tolist() == pytest.approx([102, 0, 0, 255], abs=3)
    assert view[10, 32, 0] > 180
    assert view[54, 32, 0] < 30


def test_smooth_shading_rounds_a_drum_and_keeps_a_box() -> None:
    light = Light((1.0, 0.0, 0.0), key=0.5, head=0.0, ambient=0.5)

    def shades(model: Model, *, smooth: bool) -> int:
        scene = Scene(model)
        view = scene.render(
            scene.place(20.0, 0.0, np.ones(3), 0.8), Camera.orbit(0.0, 0.0, 64), light, 1, smooth=smooth
        )
        return len(np.unique(view[32, view[32, :, 3] == 255, 0]))

    assert shades(drum(8), smooth=False) <= 4
    assert shades(drum(8), smooth=True) > 12
    assert shades(box((1.0, 1.0, 1.0)), smooth=True) == shades(box((1.0, 1.0, 1.0)), smooth=False) == 2


def drum(sides: int) -> Model:
    """The side of a prism, every other face wound the other way round."""
    angles = np.arange(sides) * 2 * np.pi / sides
    ring = np.stack([np.cos(angles), np.ones(sides), np.sin(angles)], axis=1)
    here, there = np.arange(sides), (np.arange(sides) + 1) % sides
    faces = np.concatenate(
        [np.stack([here, there, there + sides], axis=1), np.stack([here, there + sides, here + sides], 1)]
    )
    faces[::2] = faces[::2, ::-1]
    return replace(
        box((1.0, 1.0, 1.0)),
        vertices=np.concatenate([ring, ring * (1, -1, 1)]),
        faces=faces,
        uvs=np.zeros((2 * sides, 2)),
        face_materials=np.zeros(2 * sides, dtype=np.int64),
    )
