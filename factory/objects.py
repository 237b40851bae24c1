"""A model as flat arrays that a ray caster can shade."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int64
from PIL import Image

from dreamgaussian.core.image import to_float

MAX_FACES = 400_000
TEXTURE_SIDE = 128
"""Textures are reduced to this: a model covers some 50 pixels of a view."""
CLEAR = 40
"""Materials with a smaller opacity, of 255, are left out."""


@dataclass(frozen=True, eq=False)
class Material:
    """A plain colour, or a picture that is tiled over the model."""

    color: Float32[np.ndarray, "3"]
    texture: Float32[np.ndarray, "h w 4"] | None


@dataclass(frozen=True, eq=False)
class Model:
    """Triangles in the package's frame, y up and the front along +z."""

    vertices: Float64[np.ndarray, "v 3"]
    faces: Int64[np.ndarray, "f 3"]
    uvs: Float64[np.ndarray, "v 2"]
    face_materials: Int64[np.ndarray, " f"]
    materials: tuple[Material, ...]
    texture_hashes: tuple[str, ...]
    vertex_colors: Float32[np.ndarray, "v 3"] | None = None
    """sRGB, interpolated over the faces, times the material's colour; None where it alone counts."""

    @property
    def geometry_hash(self) -> str:
        """Equal for models that differ only in place, proportions, order of vertices and looks."""
        used = self.vertices[np.unique(self.faces)]
        low, high = used.min(axis=0), used.max(axis=0)
        unit = np.round((used - low) / np.maximum(high - low, 1e-12) * 200).astype(np.uint8)
        return hashlib.sha256(np.unique(unit, axis=0).tobytes()).hexdigest()[:16]


def merge(models: Sequence[Model]) -> Model:
    """Several models as one, each where it is."""
    vertices = np.cumsum([0, *(len(model.vertices) for model in models)])
    materials = np.cumsum([0, *(len(model.materials) for model in models)])
    return Model(
        vertices=np.concatenate([model.vertices for model in models]),
        faces=np.concatenate([model.faces + first for model, first in zip(models, vertices[:-1], strict=True)]),
        uvs=np.concatenate([model.uvs for model in models]),
        face_materials=np.concatenate(
            [model.face_materials + first for model, first in zip(models, materials[:-1], strict=True)]
        ),
        materials=tuple(material for model in models for material in model.materials),
        texture_hashes=tuple(sorted({digest for model in models for digest in model.texture_hashes})),
        vertex_colors=np.concatenate([_vertex_colors(model) for model in models]),
    )


def _vertex_colors(model: Model) -> Float32[np.ndarray, "v 3"]:
    return np.ones((len(model.vertices), 3), np.float32) if model.vertex_colors is None else model.vertex_colors


def load_model(path: Path, rotation: Float64[np.ndarray, "3 3"], texture_side: int) -> Model | None:
    """Read an OBJ file and turn it; None where there is nothing to see, or far too much."""
    import trimesh

    scene = trimesh.load_scene(path, process=False)
    parts = [part for part in scene.geometry.values() if _is_visible(part)]
    if not parts:
        return None
    counts = [len(part.vertices) for part in parts]
    offsets = np.cumsum([0, *counts[:-1]])
    faces = np.concatenate([np.asarray(part.faces) + offset for part, offset in zip(parts, offsets, strict=True)])
    if len(faces) > MAX_FACES:
        return None
    vertices = np.concatenate([np.asarray(part.vertices, dtype=np.float64) for part in parts])
    materials, hashes = zip(*(_read_material(part, texture_side) for part in parts), strict=True)
    return Model(
        vertices=vertices @ rotation.T,
        faces=faces.astype(np.int64),
        uvs=np.concatenate([_read_uvs(part) for part in parts]),
        face_materials=np.repeat(np.arange(len(parts)), [len(part.faces) for part in parts]),
        materials=materials,
        texture_hashes=tuple(sorted({h for h in hashes if h})),
    )


def _is_visible(part: object) -> bool:
    if len(getattr(part, "faces", ())) == 0:
        return False
    diffuse = getattr(getattr(part.visual, "material", None), "diffuse", None)  # pyright: ignore
    return diffuse is None or len(diffuse) < 4 or diffuse[3] >= CLEAR


def _read_uvs(part: object) -> np.ndarray:
    uvs = getattr(part.visual, "uv", None)  # pyright: ignore
    return np.zeros((len(part.vertices), 2)) if uvs is None else np.asarray(uvs, dtype=np.float64)  # pyright: ignore


def _read_material(part: object, texture_side: int) -> tuple[Material, str]:
    material = getattr(part.visual, "material", None)  # pyright: ignore
    diffuse = getattr(material, "diffuse", None)
    color = np.full(3, 0.7) if diffuse is None else np.asarray(diffuse[:3], dtype=np.float64) / 255
    image = getattr(material, "image", None)
    if image is None or getattr(part.visual, "uv", None) is None:  # pyright: ignore
        return Material(color.astype(np.float32), None), ""
    image = image.convert("RGBA")
    digest = hashlib.sha256(np.asarray(image).tobytes()).hexdigest()[:16] if min(image.size) > 8 else ""
    image.thumbnail((texture_side, texture_side), Image.Resampling.BOX)
    return Material(color.astype(np.float32), to_float(image)), digest


def look_up(texture: Float32[np.ndarray, "h w 4"], uvs: Float64[np.ndarray, "n 2"]) -> Float32[np.ndarray, "n 4"]:
    """Nearest texels of a tiled texture; v grows upwards, as in OBJ."""
    height, width = texture.shape[:2]
    columns = np.minimum((np.mod(uvs[:, 0], 1) * width).astype(np.int64), width - 1)
    rows = np.minimum((np.mod(1 - uvs[:, 1], 1) * height).astype(np.int64), height - 1)
    return texture[rows, columns]
