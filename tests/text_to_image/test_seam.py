import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamgaussian.api import text_to_3d
from dreamgaussian.config import RunConfig
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.guidance.spec import CameraDomain
from dreamgaussian.inputs.decoding import DecodedImage, PosedInput
from dreamgaussian.inputs.settings import SubjectSettings
from dreamgaussian.pipeline import Run
from dreamgaussian.priors.registry import PriorRecord
from dreamgaussian.runs.opening import open_run
from dreamgaussian.text_to_image import GeneratedImage, open_text_to_image
from dreamgaussian.text_to_image.to_subject import open_subject
from runs.small_run import SETTINGS, BallPrior


def square_model(prompt: str, negative_prompt: str, generator: torch.Generator) -> GeneratedImage:
    """A square of a random colour, seen from 20 degrees above."""
    rgba = np.zeros((64, 64, 4), dtype=np.float32)
    rgba[16:48, 16:48] = [*torch.rand(3, generator=generator).tolist(), 1]
    return GeneratedImage(
        DecodedImage(rgba, 1.0, prompt), 20.0, {"model": "square", "words": [prompt, negative_prompt]}
    )


WORDS = replace(SETTINGS, prompt="a square", negative_prompt="round")


def opened(config: RunConfig = WORDS) -> Run:
    return open_run(None, config, prior=BallPrior(), text_to_image=square_model)


def test_words_alone_become_the_models_image_at_its_elevation() -> None:
    run = opened()
    assert run.subject.prompt == "a square"
    (view,) = run.subject.views
    assert view.camera.elevation_deg == pytest.approx(20)
    assert view.image[..., 3].mean() == pytest.approx(0.8**2, abs=0.02)


def test_the_seed_is_the_models() -> None:
    first, again, other = (opened(replace(WORDS, seed=seed)).subject.views[0] for seed in (0, 0, 1))
    assert torch.equal(first.image, again.image)
    assert not torch.equal(first.image, other.image)


def test_an_image_of_unknown_elevation_leaves_it_to_the_settings() -> None:
    generated = replace(square_model("a square", "", torch.Generator()), elevation_deg=None)
    settings = SubjectSettings(elevation_deg=7.0)
    assert open_subject(generated, settings, CameraDomain()).views[0].camera.elevation_deg == pytest.approx(7)


def test_further_images_of_a_generated_one_are_views_that_share_its_crop() -> None:
    generated = square_model("a square", "", torch.Generator())
    further = PosedInput(generated.image, (180.0, 20.0))
    front, back = open_subject(replace(generated, further=(further,)), SubjectSettings(), CameraDomain()).views
    assert back.camera.azimuth_deg == pytest.approx(180)
    assert back.camera.elevation_deg == pytest.approx(20)
    assert back.crop == front.crop


def test_words_to_3d_by_a_model_of_ones_own(tmp_path: Path) -> None:
    config = replace(WORDS, prompt="")
    result = text_to_3d("a square", config, prior=BallPrior(), text_to_image=square_model, output=tmp_path)
    assert result.subject.prompt == "a square"
    assert len(result.mesh.faces) > 10
    assert tmp_path / "generated.png" in result.files
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["generated_image"] == {"model": "square", "words": ["a square", "round"]}


def test_a_prior_that_goes_by_an_image_has_words_made_one_first() -> None:
    """The record of a prior says by which model."""
    record = PriorRecord(BallPrior().spec, lambda *_: BallPrior(), text_to_image="library")
    run = open_run(None, replace(SETTINGS, prompt="a red armchair"), prior=record)
    assert run.generated_image is not None
    assert run.generated_image.metadata["kind"] == "armchair"
    assert run.config.via_image == "library"


def test_an_unknown_model_is_an_error_in_words() -> None:
    with pytest.raises(ConfigError, match="No text-to-image model is called 'rembrandt'"):
        open_text_to_image("rembrandt", torch.device("cpu"))
