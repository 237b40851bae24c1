from collections.abc import Sequence

class Frame:
    """What a backward pass needs of its forward pass."""

    def backward(self, gradients: Sequence[int], outputs: Sequence[int], threads: int, /) -> None:
        """Addresses of the gradients of color, alpha, depth, extra (0 where there is none), and of the results:
        means, log_scales, quats, opacity_logits, colors, extra, screen_means, screen_means_abs (or 0).
        """

def forward(
    count: int,
    extra_channels: int,
    inputs: Sequence[int],
    color_scale: float,
    color_offset: float,
    width: int,
    height: int,
    camera: Sequence[float],
    conventions: Sequence[float],
    outputs: Sequence[int],
    threads: int,
    /,
) -> Frame:
    """Addresses of means, log_scales, quats, opacity_logits, colors, extra, and of the results: color, alpha, depth,
    extra, radii, screen_means. Colors are drawn as max(0, color_offset + color_scale * color). `camera` is a rotation
    (9), a translation (3) and a focal length; `conventions` are alpha_min, alpha_max, transmittance_min, near, blur and
    frustum_margin.
    """

def instruction_sets() -> list[str]:
    """Those that this machine runs, the fastest last."""

def instruction_set() -> str:
    """The one in use. Raises ValueError where DREAMGAUSSIAN_ISA names one that does not run here."""

def use_instruction_set(name: str) -> None:
    """Change it. Raises ValueError for one that does not run here."""
