"""The C++ core."""

from jaxtyping import Float
from torch import Tensor

from dreamgaussian.camera import Camera
from dreamgaussian.errors import BackendUnavailable
from dreamgaussian.gaussians import Gaussians
from dreamgaussian.raster import Cutoffs, Render


class CpuRasterizer:
    """Not yet."""

    name = "cpu"

    def __init__(self) -> None:
        raise BackendUnavailable("The C++ rasteriser was not built.")

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        *,
        extra: Float[Tensor, "n e"] | None = None,
        cutoffs: Cutoffs = Cutoffs(),
        absgrad: bool = False,
    ) -> Render:
        """See `Rasterizer`."""
        raise NotImplementedError
