"""gsplat's own pure-torch rasteriser (version 1.5.3) on the CPU, as a peer in benchmarks/rasteriser.py.

    pip install --no-deps gsplat==1.5.3 && pip install numba

As shipped it cannot run there: its search for the Gaussians of each pixel is a CUDA kernel, and it composites with
nerfacc, whose scans are CUDA too. Both are replaced here, the search by compiled code, which flatters gsplat.
"""

import math
import sys
import types
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

ALPHA_MIN, ALPHA_MAX, TRANSMITTANCE_MIN = 1 / 255, 0.999, 1e-4
TILE = 16


@numba.njit(cache=True)
def walk_pixel(pixel, width, tiles_x, means, conics, opacities, offsets, gaussian_ids, out):
    """Count the Gaussians that show at a pixel, front to back, and write them to `out` if it has room."""
    x, y = pixel % width, pixel // width
    tile = (y // TILE) * tiles_x + x // TILE
    transmittance, count = 1.0, 0
    for k in range(offsets[tile], offsets[tile + 1]):
        g = gaussian_ids[k]
        dx, dy = x + 0.5 - means[g, 0], y + 0.5 - means[g, 1]
        exponent = 0.5 * (conics[g, 0] * dx * dx + conics[g, 2] * dy * dy) + conics[g, 1] * dx * dy
        alpha = min(ALPHA_MAX, opacities[g] * math.exp(-exponent))
        if exponent < 0 or alpha < ALPHA_MIN:
            continue
        transmittance *= 1 - alpha
        if transmittance <= TRANSMITTANCE_MIN:
            break
        if count < len(out):
            out[count] = g
        count += 1
    return count


@numba.njit(cache=True)
def pixel_lists(width, height, tiles_x, means, conics, opacities, offsets, gaussian_ids):
    """Pairs of Gaussian and pixel, pixel by pixel and from near to far."""
    ends = np.zeros(width * height + 1, np.int64)
    nothing = np.empty(0, np.int64)
    for p in range(width * height):
        ends[p + 1] = ends[p] + walk_pixel(p, width, tiles_x, means, conics, opacities, offsets, gaussian_ids, nothing)
    gaussians, pixels = np.empty(ends[-1], np.int64), np.empty(ends[-1], np.int64)
    for p in range(width * height):
        span = gaussians[ends[p] : ends[p + 1]]
        walk_pixel(p, width, tiles_x, means, conics, opacities, offsets, gaussian_ids, span)
        pixels[ends[p] : ends[p + 1]] = p
    return gaussians, pixels


def indices_in_range(
    start: int,
    end: int,
    transmittances: Tensor,
    means: Tensor,
    conics: Tensor,
    opacities: Tensor,
    width: int,
    height: int,
    tile_size: int,
    offsets: Tensor,
    gaussian_ids: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Stand in for gsplat's `rasterize_to_indices_in_range`, for one camera and all batches at once."""
    assert start == 0
    assert tile_size == TILE
    ends = np.append(offsets.flatten().numpy(), len(gaussian_ids)).astype(np.int64)
    arrays = (each[0].detach().numpy() for each in (means, conics, opacities))
    gaussians, pixels = pixel_lists(width, height, offsets.shape[-1], *arrays, ends, gaussian_ids.numpy())
    return torch.from_numpy(gaussians), torch.from_numpy(pixels), torch.zeros(len(gaussians), dtype=torch.int64)


def weights_from_alphas(alphas: Tensor, ray_indices: Tensor, n_rays: int) -> tuple[Tensor, Tensor]:
    """Stand in for nerfacc's `render_weight_from_alpha`: alpha times the transmittance in front, ray by ray."""
    logs = torch.log1p(-alphas.double())
    before = logs.cumsum(0) - logs
    first_of_ray = torch.searchsorted(ray_indices, ray_indices)
    transmittances = (before - before[first_of_ray]).exp().to(alphas)
    return alphas * transmittances, transmittances


def accumulate_along_rays(weights: Tensor, values: Tensor | None, ray_indices: Tensor, n_rays: int) -> Tensor:
    """Stand in for nerfacc's function of the same name."""
    weighted = weights[:, None] if values is None else weights[:, None] * values
    return weighted.new_zeros(n_rays, weighted.shape[1]).index_add(0, ray_indices, weighted)


def make() -> Any:
    """An adapter for benchmarks/rasteriser.py."""
    nerfacc: Any = types.ModuleType("nerfacc")
    nerfacc.render_weight_from_alpha = weights_from_alphas
    nerfacc.accumulate_along_rays = accumulate_along_rays
    sys.modules["nerfacc"] = nerfacc
    from gsplat.cuda import _torch_impl, _wrapper

    _wrapper.rasterize_to_indices_in_range = indices_in_range

    def render(g: dict[str, Tensor], camera: Any, background: Tensor | None, means2d_probe: Tensor | None = None):
        width, height = camera.width, camera.height
        covariances, _ = _torch_impl._quat_scale_to_covar_preci(g["quats"], g["scales"], True, False, triu=False)
        radii, means, depths, conics, _ = _torch_impl._fully_fused_projection(
            g["means"], covariances, camera.viewmat[None], camera.K[None], width, height
        )
        tiles_x, tiles_y = math.ceil(width / TILE), math.ceil(height / TILE)
        _, tile_ids, gaussian_ids = _torch_impl._isect_tiles(means, radii, depths, TILE, tiles_x, tiles_y)
        offsets = _torch_impl._isect_offset_encode(tile_ids, 1, tiles_x, tiles_y)
        channels = torch.cat([g["colors"][None], depths[..., None]], dim=-1)
        image, alpha = _torch_impl._rasterize_to_pixels(
            means, conics, channels, g["opacities"][None], width, height, TILE, offsets, gaussian_ids,
            batch_per_iter=10**6,
        )  # fmt: skip
        return image[0, ..., :3], alpha[0, ..., 0], image[0, ..., 3]

    return render
