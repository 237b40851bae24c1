"""Stable Diffusion and SDXL, which are priors too, as painters: they sample the front view of the words."""

from dataclasses import dataclass

import torch

from dreamgaussian.core.camera import Camera
from dreamgaussian.guidance.distill import NOMINAL_SCALE, sample
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.registry import open_from_hub
from dreamgaussian.priors.settings import HubSettings
from dreamgaussian.text_to_image import PLACE, Painting
from dreamgaussian.text_to_image.generated import OBJECT, as_image


@dataclass(frozen=True)
class DiffusionPainter:
    """Paints with the prior called `name`, which is opened for each image and then let go."""

    name: str
    device: torch.device
    settings: HubSettings
    steps: int = 30

    def __call__(self, prompt: str, negative_prompt: str, generator: torch.Generator) -> Painting:
        """An image of one object. Raises WeightsUnavailable."""
        subject = Subject(prompt=prompt + OBJECT, negative_prompt=negative_prompt)
        settings = HubSettings(lora=self.settings.painter_lora, offload=self.settings.offload)
        prior = open_from_hub(self.name, subject, self.device, self.settings.painter_path, settings, option=PLACE)
        front = Camera.orbit(0, 0, prior.spec.resolution)
        (views,) = sample(prior, [[front]], steps=self.steps, scale=NOMINAL_SCALE, generator=generator)
        facts = {"painter": self.name, "prompt": subject.prompt, "steps": self.steps, "scale": NOMINAL_SCALE}
        return Painting(as_image(views[0], prompt), None, facts)
