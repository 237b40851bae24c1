"""The state of a fit: everything that it needs to go on."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dreamgaussian.core.errors import InputError
from dreamgaussian.core.files import atomic_path
from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.fitting.densify.densifier import Memory
from dreamgaussian.fitting.optimizer import AdamMoments
from dreamgaussian.fitting.settings import FitSettings
from dreamgaussian.guidance.prior import Prior, ShapedPrior
from dreamgaussian.guidance.targets import Targets

FORMAT = "dreamgaussian-fit-1"
MEMORY = "statistics."
"""Before the names of what the densifier remembers."""
LEAST_POINTS = 100
"""A guess of the surface of fewer points counts as none."""


@dataclass(eq=False)
class FitState:
    """Gaussians, optimiser, densifier, step and random numbers: saved and loaded, a fit goes on bit for bit."""

    gaussians: Gaussians
    moments: AdamMoments
    generator: torch.Generator
    memory: Memory = field(default_factory=dict[str, Tensor])
    """What the densifier remembers, by name."""
    step: int = 0
    """Steps done."""
    losses: list[float] = field(default_factory=list[float])
    """The total loss of each step done."""
    targets: tuple[Targets, ...] = ()
    """The priors' target images, for the guidance method that fits such images."""

    @classmethod
    def start(cls, settings: FitSettings, seed: int, prior: Prior | None = None) -> "FitState":
        """The state before the first step.

        Args:
            settings: the number of Gaussians, and where they start.
            seed: of all random numbers of the fit.
            prior: a prior that may guess the surface on which the Gaussians start.

        Returns:
            Gaussians on that surface, or in a ball, grey, where there is no guess or the settings say so.
        """
        generator = torch.Generator().manual_seed(seed)
        if settings.start == "prior" and isinstance(prior, ShapedPrior):
            points, colors = prior.surface_points(settings.initial_count, generator)
            if len(points) >= LEAST_POINTS:
                return cls.from_gaussians(Gaussians.at_points(points, colors), generator)
        return cls.from_gaussians(
            Gaussians.in_ball(settings.initial_count, settings.initial_radius, generator), generator
        )

    @classmethod
    def from_gaussians(cls, gaussians: Gaussians, generator: torch.Generator) -> "FitState":
        """A fit that starts from given Gaussians."""
        return cls(gaussians, AdamMoments.zeros(gaussians), generator)

    def copy(self) -> "FitState":
        """A state of its own that goes on as this one would; tensors are shared, since nothing changes them."""
        return replace(self, generator=self.generator.clone_state(), losses=[*self.losses])

    def become(self, other: "FitState") -> None:
        """Take over another state at once: what interrupts a step, Ctrl-C included, finds a state between two steps."""
        vars(self).update(vars(other))

    def save(self, path: Path) -> None:
        """Write everything to one safetensors file; an interrupted write leaves the old file whole."""
        tensors: dict[str, Tensor] = {"generator": self.generator.get_state()}
        tensors |= {f"{MEMORY}{name}": tensor.contiguous() for name, tensor in self.memory.items()}
        for part, values in self._parts().items():
            tensors |= {f"{part}.{name}": tensor.contiguous() for name, tensor in values.tensors().items()}
        for i, target in enumerate(self.targets):
            tensors |= {f"targets.{i}.{name}": tensor.contiguous() for name, tensor in target.tensors().items()}
        metadata = {"format": FORMAT, "step": str(self.step), "losses": json.dumps(self.losses)}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, metadata)

    @classmethod
    def load(cls, path: Path) -> "FitState":
        """Read what `save` wrote. Raises InputError for any other file."""
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != FORMAT:
                    raise InputError(f"{path} is not a saved fit. Pass the `fit.safetensors` of an earlier run.")
                tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise InputError(f"The saved fit {path} cannot be read: {error}. Start the fit anew.") from error

        def part(prefix: str) -> Gaussians:
            return Gaussians(*(tensors[f"{prefix}.{name}"] for name in Gaussians.names()))

        generator = torch.Generator()
        generator.set_state(tensors["generator"])
        return cls(
            part("gaussians"),
            AdamMoments(part("first"), part("second")),
            generator,
            {name.removeprefix(MEMORY): tensor for name, tensor in tensors.items() if name.startswith(MEMORY)},
            int(metadata["step"]),
            json.loads(metadata["losses"]),
            tuple(
                Targets(*(tensors[f"targets.{i}.{name}"] for name in Targets.names()))
                for i in range(sum(name.endswith(".poses") for name in tensors))
            ),
        )

    def _parts(self) -> dict[str, Gaussians]:
        return {"gaussians": self.gaussians, "first": self.moments.first, "second": self.moments.second}
