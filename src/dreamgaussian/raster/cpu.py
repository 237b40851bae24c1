"""The C++ core (`csrc/`): one torch operation from Gaussians to an image, float32, on all of torch's threads.

The core does the activations of the parameters itself. What it draws does not depend on the number of threads.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from dreamgaussian.core.camera import Camera
from dreamgaussian.core.errors import BackendUnavailable, ConfigError
from dreamgaussian.core.gaussians import SH_C0, Gaussians
from dreamgaussian.core.harmonics import view_colors
from dreamgaussian.raster import Cutoffs, Render
from dreamgaussian.raster.checks import require_finite, wants_gradient
from dreamgaussian.raster.conventions import ALPHA_FLOOR, BLUR_PX2, FRUSTUM_MARGIN, NEAR

try:
    from dreamgaussian import _core
except ImportError as problem:
    _core = None
    _why_not = str(problem)

ALPHA_CEILING = 1 - 2.0**-22
"""Above this, 1 - alpha has too few bits left for the backward pass to divide by."""

TRANSMITTANCE_FLOOR = 2.0**-100
"""Below this, the backward pass could not divide the transmittance back out."""


class CpuRasterizer:
    """Draws on the CPU. Implements `Rasterizer`."""

    name = "cpu"

    def __init__(self) -> None:
        if _core is None:
            raise BackendUnavailable(
                f"The C++ rasteriser is not there ({_why_not}). Install dreamgaussian again where a C++17 compiler is "
                "found (pip install --force-reinstall --no-deps .), or choose --rasterizer reference, which is slow."
            )
        try:
            _core.instruction_set()
        except ValueError as problem:
            raise ConfigError(f"DREAMGAUSSIAN_ISA cannot be followed: {problem}.") from problem

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        *,
        extra: Float[Tensor, "n e"] | None = None,
        cutoffs: Cutoffs = Cutoffs(),
    ) -> Render:
        """See `Rasterizer`. Raises ConfigError for tensors that are not float32 on the CPU."""
        require_float32_on_cpu(gaussians, extra)
        require_finite(gaussians, extra)
        screen_means = gaussians.means.new_empty(len(gaussians), 2)
        screen_means.requires_grad_(wants_gradient(gaussians, extra))
        if gaussians.sh_degree == 0:  # the core does what `view_colors` would do
            colors, color_scale, color_offset = gaussians.sh.squeeze(1), SH_C0, 0.5
        else:
            colors, color_scale, color_offset = view_colors(gaussians.sh, gaussians.means, camera.position), 1.0, 0.0
        extra = gaussians.means.new_empty(len(gaussians), 0) if extra is None else extra
        arguments = RenderArguments(
            camera_numbers(camera),
            convention_numbers(cutoffs),
            camera.width,
            camera.height,
            color_scale,
            color_offset,
        )
        outputs = _Draw.apply(
            arguments,
            screen_means,
            gaussians.means,
            gaussians.log_scales,
            gaussians.quats_wxyz,
            gaussians.opacity_logits,
            colors,
            extra,
        )
        color, alpha, depth, extra_image, radii = outputs
        return Render(color, alpha, depth, extra_image, radii, screen_means)


class RenderArguments(NamedTuple):
    """What the core needs to know besides the tensors."""

    camera: list[float]
    """See `camera_numbers`."""
    conventions: list[float]
    """See `convention_numbers`."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    color_scale: float
    """What is drawn is max(0, color_offset + color_scale * color)."""
    color_offset: float


def camera_numbers(camera: Camera) -> list[float]:
    """Rotation row by row and translation into OpenCV's camera frame, and the focal length."""
    transform = camera.opencv_from_world
    return [*transform[:3, :3].flatten().tolist(), *transform[:3, 3].tolist(), camera.focal_px]


def convention_numbers(cutoffs: Cutoffs) -> list[float]:
    """The cut-offs, as far as float32 can follow them, and the conventions."""
    return [
        max(cutoffs.alpha_min, ALPHA_FLOOR),
        min(cutoffs.alpha_max, ALPHA_CEILING),
        max(cutoffs.transmittance_min, TRANSMITTANCE_FLOOR),
        NEAR,
        BLUR_PX2,
        FRUSTUM_MARGIN,
    ]


def require_float32_on_cpu(gaussians: Gaussians, extra: Float[Tensor, "n e"] | None) -> None:
    """Raise ConfigError for tensors that the core cannot read."""
    for name, tensor in (gaussians.tensors() | ({} if extra is None else {"extra": extra})).items():
        if tensor.dtype != torch.float32 or tensor.device.type != "cpu":
            raise ConfigError(
                f"The cpu rasteriser draws float32 tensors on the CPU; {name} is {tensor.dtype} on {tensor.device}. "
                'Move them with gaussians.to("cpu", torch.float32), or choose --rasterizer reference.'
            )


class _Draw(torch.autograd.Function):
    """Draw means, log scales, quaternions, opacity logits, colours and extra channels; fill the screen means."""

    @staticmethod
    def forward(ctx: Any, arguments: RenderArguments, screen_means: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
        assert _core is not None
        inputs = tuple(tensor.contiguous() for tensor in inputs)
        means, extra = inputs[0], inputs[-1]
        # The core goes by addresses alone.
        widths = [(3,), (3,), (4,), (), (3,), (extra.shape[-1],)]
        expected = [(len(means), *width) for width in widths]
        shapes = [tuple(tensor.shape) for tensor in inputs]
        assert shapes == expected, f"{shapes}, not {expected}"
        size = (arguments.height, arguments.width)
        color, alpha, depth = means.new_empty(*size, 3), means.new_empty(size), means.new_empty(size)
        extra_image, radii = means.new_empty(*size, extra.shape[1]), means.new_empty(len(means))
        outputs = (color, alpha, depth, extra_image, radii)
        frame = _core.forward(
            len(means),
            extra.shape[1],
            [tensor.data_ptr() for tensor in inputs],
            arguments.color_scale,
            arguments.color_offset,
            arguments.width,
            arguments.height,
            arguments.camera,
            arguments.conventions,
            [tensor.data_ptr() for tensor in (*outputs, screen_means)],
            torch.get_num_threads(),
        )
        # Autograd frees what is saved as soon as the graph is done with it: the frame is to go the same way.
        owner = torch.empty(0)
        owner.frame = frame  # pyright: ignore[reportAttributeAccessIssue]
        ctx.save_for_backward(*inputs, owner)
        ctx.screen_means = screen_means
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(radii)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *gradients: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        *inputs, owner = ctx.saved_tensors  # which also checks that nobody has changed what the frame points to
        image_gradients = [None if gradient is None else gradient.contiguous() for gradient in gradients[:4]]
        results = [torch.empty_like(tensor) for tensor in inputs]
        screen_gradient = torch.empty_like(ctx.screen_means)
        owner.frame.backward(
            [0 if gradient is None else gradient.data_ptr() for gradient in image_gradients],
            [result.data_ptr() for result in (*results, screen_gradient)],
            torch.get_num_threads(),
        )
        return (None, screen_gradient, *results)
