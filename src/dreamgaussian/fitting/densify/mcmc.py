"""3D Gaussian splatting as Markov chain Monte Carlo (arXiv 2404.09591): the Gaussians are samples that explore.

Noise on the centres turns the optimiser into Langevin dynamics, and dead Gaussians move to where live ones are. N
Gaussians in one place look as one did before if they share its opacity o and scale s (equation 9):

    o_N = 1 - (1 - o)^(1/N)          s_N = s o / sum_{j=1..N} C(N, j) (-1)^(j-1) o_N^j / sqrt(j)

The first keeps alpha at the centre, the second its integral along a line through the centre: N of them have the alpha
1 - (1 - o_N e^(-x²/2s_N²))^N, and its binomial expansion, term by term, integrates to the sum times sqrt(2 pi) s_N. The
paper writes the same sum with two indices.
"""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.densify.densifier import DensifyContext, Memory
from dreamgaussian.fitting.densify.settings import McmcSettings
from dreamgaussian.fitting.image_loss import outside_silhouette
from dreamgaussian.fitting.optimizer import AdamMoments

MOST_COPIES = 51
"""More copies than this share opacity and scale as if they were so many: N_max of the authors' code."""
GATE_SHARPNESS, GATE_OPACITY = 100.0, 0.005
"""k and t of the noise's sigmoid: it moves Gaussians whose opacity is about t or less, and leaves opaque ones."""


@dataclass(frozen=True)
class McmcDensifier:
    """Relocates dead Gaussians and adds new ones, by their opacities, up to a cap. Implements `Densifier`.

    The knobs are those of `McmcSettings`:

        start (0.1), end (0.8)      first and last relocation, as shares of the steps
        every (10)                  steps between relocations
        growth (0.05)               share by which the number grows at each relocation
        max_count (20,000)          number at which growth ends
        min_opacity (0.005)         a Gaussian up to this opacity is dead
        silhouette_margin (0.03)    and so is one further outside a silhouette than this share of the image's height
        noise (1,000)               strength of the noise, as a multiple of the centres' learning rate
        opacity_weight (0.01)       weight of the mean opacity in the loss
        scale_weight (0.01)         weight of the mean standard deviation in the loss

    Example::

        densifier = McmcDensifier(McmcSettings(max_count=10_000))
        for snapshot in fit(state, rasterizer, prior, subject, densifier=densifier):
            print(snapshot.step, len(snapshot.gaussians))
    """

    settings: McmcSettings = field(default_factory=McmcSettings)

    def loss(self, gaussians: Gaussians) -> Float[Tensor, ""]:
        """The weighted means of the opacities and of the standard deviations: what is not needed dies."""
        settings = self.settings
        return settings.opacity_weight * gaussians.opacities.mean() + settings.scale_weight * gaussians.scales.mean()

    def after_step(
        self, gaussians: Gaussians, moments: AdamMoments, memory: Memory, context: DensifyContext
    ) -> tuple[Gaussians, AdamMoments, Memory]:
        """See `Densifier`. Remembers nothing."""
        settings, generator = self.settings, context.generator
        if context.is_due(settings.start, settings.end, settings.every):
            dead = gaussians.opacities <= settings.min_opacity
            dead |= outside_silhouette(gaussians.means, context.references, settings.silhouette_margin)
            gaussians, moments = relocate(gaussians, moments, dead, settings.min_opacity, generator)
            gaussians, moments = grow(gaussians, moments, settings, generator)
        noise = settings.noise * context.learning_rates["means"] * langevin_noise(gaussians, generator)
        return replace(gaussians, means=gaussians.means + noise), moments, {}


def relocate(
    gaussians: Gaussians,
    moments: AdamMoments,
    dead: Bool[Tensor, " n"],
    min_opacity: float,
    generator: torch.Generator,
) -> tuple[Gaussians, AdamMoments]:
    """Move the dead Gaussians to live ones, drawn by their opacities, with which they share opacity and scale."""
    if not dead.any() or dead.all():
        return gaussians, moments
    members = torch.arange(len(gaussians), device=dead.device)
    members[dead] = draw(torch.where(dead, 0, gaussians.opacities), int(dead.sum()), generator)
    return replicate(gaussians, moments, members, min_opacity)


def grow(
    gaussians: Gaussians, moments: AdamMoments, settings: McmcSettings, generator: torch.Generator
) -> tuple[Gaussians, AdamMoments]:
    """Add the settings' share of Gaussians, copies of some drawn by their opacities, as far as the cap allows."""
    count = min(int(settings.growth * len(gaussians)), settings.max_count - len(gaussians))
    if count <= 0:
        return gaussians, moments
    members = torch.arange(len(gaussians), device=gaussians.means.device)
    members = torch.cat([members, draw(gaussians.opacities, count, generator)])
    return replicate(gaussians, moments, members, settings.min_opacity)


def draw(weights: Float[Tensor, " n"], count: int, generator: torch.Generator) -> Int[Tensor, " c"]:
    """Indices drawn with replacement, in proportion to their weights."""
    return torch.multinomial(weights.to(generator.device), count, replacement=True, generator=generator).to(
        weights.device
    )


def replicate(
    gaussians: Gaussians, moments: AdamMoments, members: Int[Tensor, " m"], min_opacity: float
) -> tuple[Gaussians, AdamMoments]:
    """The Gaussians numbered `members`, where copies of the same one look together as it did.

    Args:
        gaussians: n Gaussians.
        moments: their Adam moments.
        members: the number of the Gaussian, below n, that each of the m new ones is a copy of.
        min_opacity: what copies have at least, so that they are not dead at once.

    Returns:
        m Gaussians and their moments, which are zero for copies: an original's momentum is not theirs.
    """
    copies = members.bincount(minlength=len(gaussians))[members]
    chosen = gaussians[members]
    several = copies > 1
    opacities, ratios = shared_opacity(chosen.opacities[several], copies[several])
    opacities = opacities.clamp(min_opacity, 1 - torch.finfo(opacities.dtype).eps)
    logits, log_scales = chosen.opacity_logits.clone(), chosen.log_scales.clone()
    logits[several] = opacities.logit()
    log_scales[several] += ratios.log()[:, None]

    def fresh(values: Tensor) -> Tensor:
        return torch.where(several.view(-1, *[1] * (values.dim() - 1)), 0, values[members])

    shared = replace(chosen, opacity_logits=logits, log_scales=log_scales)
    return shared, AdamMoments(moments.first.map(fresh), moments.second.map(fresh))


def shared_opacity(
    opacities: Float[Tensor, " n"], copies: Int[Tensor, " n"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """o_N, and the ratio s_N / s, for Gaussians that become N = `copies` (equation 9)."""
    opacity = opacities.double()[:, None]
    count = copies.clamp_max(MOST_COPIES).double()[:, None]
    shared = -torch.expm1(torch.log1p(-opacity) / count)
    j = torch.arange(1, MOST_COPIES + 1, device=copies.device).double()
    log_binomial = torch.lgamma(count + 1) - torch.lgamma(j + 1) - torch.lgamma(count - j + 1)  # -inf for j > N
    signs = 1 - 2 * ((j - 1) % 2)
    integral = (signs * log_binomial.exp() * shared**j / j.sqrt()).sum(dim=1)
    return shared[:, 0].to(opacities), (opacity[:, 0] / integral).to(opacities)


def langevin_noise(gaussians: Gaussians, generator: torch.Generator) -> Float[Tensor, "n 3"]:
    """sigmoid(k (t - o)) Sigma eta with standard normal eta: the paper's noise, but for the learning rate.

    The noise has the shape of the Gaussian itself, so that it leaves a surface along which the Gaussian lies.
    """
    draws = torch.randn(gaussians.means.shape, generator=generator, device=generator.device).to(gaussians.means)
    axes = gaussians.rotations * gaussians.scales[:, None, :]
    noise = axes @ (axes.mT @ draws[..., None])
    gate = torch.sigmoid(GATE_SHARPNESS * (GATE_OPACITY - gaussians.opacities))
    return gate[:, None] * noise[..., 0]
