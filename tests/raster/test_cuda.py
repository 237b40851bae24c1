"""gsplat behind the common interface: the mapping with a stand-in, the numbers on a device where there is one."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import BackendUnavailable, ConfigError
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.raster import Cutoffs, Render, choose_rasterizer, reference
from dreamgaussian.raster.cuda import CudaRasterizer, draw_with
from dreamgaussian.raster.reference import ReferenceRasterizer
from raster.scenes import Scene, cloud, everything

needs_device = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: gsplat was NOT tested")


def stand_in(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    *,
    render_mode: str,
    packed: bool,
    **constants: Any,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """What gsplat 1.5 documents of `rasterization`, by the parts of the reference."""
    assert render_mode == "RGB+D"
    assert not packed
    assert constants == {"near_plane": 0.01, "eps2d": 0.3, "rasterize_mode": "classic"}
    opengl_from_world = viewmats[0].double() * torch.tensor([1.0, -1.0, -1.0, 1.0])[:, None]
    fovy_deg = 2 * torch.rad2deg(torch.atan(height / 2 / Ks[0, 1, 1])).item()
    assert torch.equal(Ks[0, :2, 2], torch.tensor([width / 2, height / 2]))
    camera = Camera(opengl_from_world, width, height, fovy_deg)

    gaussians = Gaussians(means, scales.log(), quats, opacities.logit(), colors[:, None, :3])
    order = reference.visible_from_near_to_far(gaussians, camera)
    footprints = reference.project(gaussians, camera)
    means2d = footprints.centers[None] * 1.0
    offsets = reference.pixel_centers(camera) - means2d[0, order][:, None]
    channels = torch.cat([colors, footprints.depths[:, None]], dim=1)[order]
    covariances = footprints.covariances[order]
    image, alpha = reference.composite(offsets, covariances, opacities[order], channels, Cutoffs())
    radii = reference.visible_radii(footprints, opacities, camera, Cutoffs())
    meta = {"means2d": means2d, "radii": radii.ceil().int()[None, :, None].expand(1, -1, 2)}
    return image.reshape(1, height, width, -1), alpha.reshape(1, height, width, 1), meta


class StandIn:
    """The cuda rasteriser with the stand-in for gsplat, on the CPU."""

    name = "cuda"

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        *,
        extra: Tensor | None = None,
        cutoffs: Cutoffs = Cutoffs(),
    ) -> Render:
        return draw_with(stand_in, gaussians, camera, extra=extra, cutoffs=cutoffs)


@pytest.mark.parametrize("extra", [None, 3])
def test_the_mapping_of_inputs_and_outputs(extra: int | None) -> None:
    channels = None if extra is None else torch.randn(60, extra)
    scene = Scene(cloud(60, degree=2), Camera.orbit(40, 10, (31, 22)), channels)
    expected, found = (everything(rasterizer, scene) for rasterizer in (ReferenceRasterizer(), StandIn()))
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        atol = 1.0 if name == "radii" else 1e-4 * max(1.0, tensor.abs().max().item() if tensor.numel() else 0.0)
        torch.testing.assert_close(found[name], tensor, atol=atol, rtol=0, msg=name)


def test_no_gaussians_make_an_empty_image() -> None:
    render = StandIn().render(cloud(3)[torch.arange(0)], Camera.orbit(0, 0, 8))
    assert not render.color.any()


def test_other_cutoffs_are_refused() -> None:
    with pytest.raises(ConfigError, match="compiled in"):
        StandIn().render(cloud(3), Camera.orbit(0, 0, 8), cutoffs=Cutoffs.off())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_it_says_so() -> None:
    with pytest.raises(BackendUnavailable, match=r"needs a CUDA device.*--rasterizer cpu"):
        choose_rasterizer("cuda", torch.device("cpu"))


def test_without_gsplat_it_gives_the_line_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setitem(__import__("sys").modules, "gsplat", None)
    with pytest.raises(BackendUnavailable, match=r"pip install 'dreamgaussian\[cuda\]'"):
        choose_rasterizer("cuda", torch.device("cpu"))


@needs_device
@pytest.mark.parametrize("extra", [None, 3])
def test_gsplat_agrees_with_the_reference(extra: int | None) -> None:
    device = torch.device("cuda")
    channels = None if extra is None else torch.randn(200, extra)
    scene = Scene(cloud(200, degree=3), Camera.orbit(40, 10, (61, 47)), channels)
    expected = everything(ReferenceRasterizer(), scene, torch.float64)
    on_device = replace(
        scene,
        gaussians=scene.gaussians.to(device),
        extra=None if channels is None else channels.to(device),
    )
    found = everything(CudaRasterizer(), on_device)
    for name, tensor in expected.items():
        if name == "radii":
            assert torch.equal(found[name].cpu() > 0, tensor > 0)
            continue
        difference = (found[name].cpu().double() - tensor).abs()
        if "grad" in name:
            assert difference.norm() <= 1e-4 * tensor.norm(), name
        elif tensor.numel():
            assert difference.quantile(0.999) <= 1e-4 * max(1.0, tensor.abs().max().item()), name


@needs_device
def test_tensors_elsewhere_are_refused_with_advice() -> None:
    with pytest.raises(ConfigError, match=r"Move them with gaussians.to"):
        CudaRasterizer().render(cloud(3), Camera.orbit(0, 0, 8))
