import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from dreamgaussian import pipeline
from dreamgaussian.api import text_to_3d
from dreamgaussian.config import RunConfig, quick
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.inputs.decoding import DecodedImage, PosedInput
from dreamgaussian.runs.folder import write_results
from dreamgaussian.text_to_image import GeneratedImage, open_text_to_image


def square_model(prompt: str, negative_prompt: str, generator: torch.Generator) -> GeneratedImage:
    """A square of a random colour, seen from 20 degrees above."""
    rgba = np.zeros((64, 64, 4), dtype=np.float32)
    rgba[16:48, 16:48] = [*torch.rand(3, generator=generator).tolist(), 1]
    return GeneratedImage(
        DecodedImage(rgba, 1.0, prompt), 20.0, {"model": "square", "words": [prompt, negative_prompt]}
    )


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    monkeypatch.setattr(pipeline, "open_text_to_image", lambda name, *_: {"square": square_model}[name])
    return replace(quick(), prompt="a square", negative_prompt="round", via_image="square", device="cpu")


def test_words_alone_become_the_image_of_the_model_at_its_elevation(words: RunConfig) -> None:
    run = pipeline.open_run(None, words)
    assert run.subject.prompt == "a square"
    (view,) = run.subject.views
    assert view.camera.elevation_deg == pytest.approx(20)
    assert view.image[..., 3].mean() == pytest.approx(0.8**2, abs=0.02)


def test_the_seed_is_the_models(words: RunConfig) -> None:
    first, again, other = (pipeline.open_run(None, replace(words, seed=seed)).subject.views[0] for seed in (0, 0, 1))
    assert torch.equal(first.image, again.image)
    assert not torch.equal(first.image, other.image)


def test_a_model_of_unknown_elevation_leaves_it_to_the_settings(words: RunConfig) -> None:
    generated = replace(square_model("a square", "", torch.Generator()), elevation_deg=None)
    config = replace(words, subject=replace(words.subject, elevation_deg=7.0))
    assert pipeline.open_subject(generated, config).views[0].camera.elevation_deg == pytest.approx(7)


def test_further_images_of_a_generated_image_are_views_that_share_its_crop(words: RunConfig) -> None:
    generated = square_model("a square", "", torch.Generator())
    further = PosedInput(generated.image, (180.0, 20.0))
    front, back = pipeline.open_subject(replace(generated, further=(further,)), words).views
    assert back.camera.azimuth_deg == pytest.approx(180)
    assert back.camera.elevation_deg == pytest.approx(20)
    assert back.crop == front.crop


def test_the_generated_image_is_written_beside_the_results(words: RunConfig, tmp_path) -> None:
    run = pipeline.open_run(None, words)
    start = pipeline.Snapshot("Gaussians", 0, 1, None, run.state.gaussians)
    paths = write_results(tmp_path, None, run, start, pipeline.StageClock())
    assert tmp_path / "generated.png" in paths
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["generated"] == {"model": "square", "words": ["a square", "round"]}


def test_words_to_3d_in_one_call(words: RunConfig) -> None:
    small = replace(
        words,
        fit=replace(words.fit, steps=2, initial_count=300),
        mesh=replace(words.mesh, resolution=32, faces=500, texture_size=256),
        refine=replace(words.refine, steps=1),
    )
    result = text_to_3d("a square", small)
    assert result.subject.prompt == "a square"
    assert len(result.mesh.faces) > 10
    assert result.files == ()


def test_an_unknown_model_is_an_error_in_words() -> None:
    with pytest.raises(ConfigError, match="No text-to-image model is called 'rembrandt'"):
        open_text_to_image("rembrandt", torch.device("cpu"))
