"""A run with a prior of one's own: Gaussians, mesh, texture, files and run.json."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dreamgaussian.api import image_to_3d
from dreamgaussian.guidance.spec import CameraDomain
from dreamgaussian.inputs.subject import Subject
from dreamgaussian.priors.registry import PriorRecord
from runs.small_run import SETTINGS, BallPrior

IMAGE = Path(__file__).parents[1] / "examples" / "cactus.webp"


def test_an_object_is_the_prior_of_a_whole_run(tmp_path):
    prior = BallPrior()
    result = image_to_3d(IMAGE, SETTINGS, prior=prior, output=tmp_path / "run")
    assert len(prior.calls) > SETTINGS.fit.steps  # stage 1 and stage 2
    assert result.mesh.albedo is not None
    assert sorted(path.name for path in result.files) == ["gaussians.ply", "mesh.glb", "preview.png", "run.json"]
    assert all(path.stat().st_size > 100 for path in result.files)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [prior["name"] for prior in record["config"]["prior"]] == ["ball"]
    assert (record["state"], record["finished_stage"]) == ("finished", "Texture")


def test_a_record_opens_the_prior_on_the_subject_as_its_cameras_frame_it():
    opened: list[Subject] = []

    def open_(subject: Subject, device: torch.device, *_: object) -> BallPrior:
        opened.append(subject)
        assert device == torch.device("cpu")
        return BallPrior()

    spec = replace(BallPrior().spec, domain=CameraDomain(radius=3.0, subject_fill=0.5))
    result = image_to_3d(IMAGE, SETTINGS, prior=PriorRecord(spec, open_))
    (view,) = opened[0].views
    assert view.camera.radius == pytest.approx(3)
    assert (view.image[..., 3] > 0.1).any(dim=0).sum() <= 0.52 * view.image.shape[1]
    assert result.files == ()
