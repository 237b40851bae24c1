import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamgaussian.priors.mini.denoiser import Denoiser
from dreamgaussian.priors.mini.lifter import Lifter
from dreamgaussian.priors.mini.weights import save_weights
from factory.manifest import Entry
from factory.report import contact_sheet, mean_scores, report, table
from factory.settings import ReportSettings


def test_the_report_knows_the_copied_view_and_the_oracle(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_weights(tmp_path / "fresh.safetensors", Lifter(), Denoiser(), {})
    views = np.zeros((1, 3, 64, 64, 4), dtype=np.uint8)
    views[..., 16:48, 16:48, 3] = 255
    views[0, 2] = 0
    cameras = np.array([[[0, 10], [90, 0], [180, 0]]], dtype=np.float32)
    np.save(tmp_path / "box.views.npy", views)
    np.save(tmp_path / "box.cameras.npy", cameras)
    entry = Entry("box", "box", "Toys", "Ada", "CC0 1.0", "Tiny", 1.0, "benchmark")
    (tmp_path / "manifest.json").write_text(json.dumps([asdict(entry)]))

    steps = list(report(ReportSettings(steps=2, weights=tmp_path / "fresh.safetensors", data=tmp_path)))
    reports = [one for one, count in steps if count == 1]
    scores = mean_scores(reports)
    assert scores.copied == pytest.approx((100 + 6.02) / 2, abs=0.01)
    assert scores.oracle_mean == pytest.approx(12.04, abs=0.01)
    assert contact_sheet(reports).shape == (3 * 64, 3 * 64, 3)
    assert "| copied | oracle mean | lifted |" in table(scores)
