import torch
from torch.autograd import gradcheck

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.raster import Cutoffs
from dreamgaussian.raster.reference import ReferenceRasterizer
from raster.scenes import Scene, cloud, everything


def test_gradients_are_those_of_the_image() -> None:
    """By finite differences, in float64; with the cut-offs they would not be, for any rasteriser."""
    gaussians = cloud(6, degree=1).to(torch.float64)
    camera = Camera.orbit(20, 10, (12, 11))
    extra = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def draw(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        *parameters, channels = tensors
        render = ReferenceRasterizer().render(Gaussians(*parameters), camera, extra=channels, cutoffs=Cutoffs.off())
        return render.color, render.alpha, render.depth, render.extra

    inputs = [tensor.clone().requires_grad_() for tensor in (*gaussians.tensors().values(), extra)]
    assert gradcheck(draw, inputs, fast_mode=True)


def test_bands_make_the_same_image() -> None:
    scene = Scene(cloud(40, degree=2).to(torch.float64), Camera.orbit(0, 30, (15, 13)), torch.rand(40, 1))
    whole = everything(ReferenceRasterizer(), scene, torch.float64)
    banded = everything(ReferenceRasterizer(band_elements=40 * 17), scene, torch.float64)  # 17 pixels a band
    for name, tensor in whole.items():
        torch.testing.assert_close(banded[name], tensor, atol=1e-10, rtol=0, msg=name)


def test_alpha_is_one_minus_the_product_of_what_each_gaussian_lets_through() -> None:
    gaussians, camera = cloud(5), Camera.orbit(0, 0, 16)
    together = ReferenceRasterizer().render(gaussians, camera).alpha
    alone = [ReferenceRasterizer().render(gaussians[torch.tensor([i])], camera).alpha for i in range(5)]
    torch.testing.assert_close(together, 1 - torch.stack([1 - alpha for alpha in alone]).prod(dim=0))
