"""The README's contact sheet: whole runs on images, a row each.

    python benchmarks/contact_sheet.py [-o FILE] IMAGE...

Every row: the input, the Gaussians from four sides, the mesh from the same sides.
"""

import argparse
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

import dreamgaussian as dg
from dreamgaussian.core.image import over, premultiply, to_uint8
from dreamgaussian.raster.mesh import MeshScene, render_mesh
from dreamgaussian.runs.folder import PREVIEW_AZIMUTHS_DEG, PREVIEW_ELEVATION_DEG, SHOW_RADIUS

TILE = 144
PAPER = 0.965


def main(images: list[Path], path: Path, preset: str) -> None:
    rows = [row(image, dg.preset(preset)) for image in images]
    sheet = to_uint8(torch.cat(rows, dim=0))
    Image.fromarray(sheet).save(path, quality=88)
    print(path)


def row(image: Path, config: dg.RunConfig) -> Tensor:
    result = dg.image_to_3d(image, config)
    print(f"{image.stem}: {result.seconds}", flush=True)
    elevation = result.subject.views[0].camera.elevation_deg + PREVIEW_ELEVATION_DEG
    cameras = [dg.Camera.orbit(azimuth, elevation, 2 * TILE, radius=SHOW_RADIUS) for azimuth in PREVIEW_AZIMUTHS_DEG]
    rasterizer = dg.choose_rasterizer("auto", torch.device("cpu"))
    scene = MeshScene(result.mesh.vertices, result.mesh.faces)
    straight = result.subject.views[0].image
    tiles = [over(premultiply(straight), PAPER)]
    with torch.no_grad():
        tiles += [over(rasterizer.render(result.gaussians, camera).rgba, PAPER) for camera in cameras]
    meshes = [render_mesh(result.mesh, camera, scene=scene) for camera in cameras]
    tiles += [mesh.color + PAPER * (1 - mesh.alpha[..., None]) for mesh in meshes]
    return torch.cat([shrink(tile) for tile in tiles], dim=1)


def shrink(tile: Tensor) -> Tensor:
    size = (TILE, TILE)
    return interpolate(tile.permute(2, 0, 1)[None], size, mode="bilinear", antialias=True)[0].permute(1, 2, 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("contact-sheet.webp"))
    parser.add_argument("--preset", default="default")
    arguments = parser.parse_args()
    main(arguments.images, arguments.output, arguments.preset)
