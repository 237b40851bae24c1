from pathlib import Path

import numpy as np
import torch

from dreamgaussian.priors.mini.denoiser import Denoiser
from dreamgaussian.priors.mini.lifter import Lifter
from dreamgaussian.priors.mini.weights import save_weights
from factory.holdout import VALIDATION_PACKS
from factory.manifest import Entry, write_manifest
from factory.score import GroupScore, score, table
from factory.settings import ScoreSettings


def test_every_group_is_scored_and_the_packs_by_view_and_kind(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_weights(tmp_path / "fresh.safetensors", Lifter(), Denoiser(), {})
    pack = sorted(VALIDATION_PACKS)[0]
    things = (("a", "Tiny", "benchmark"), ("b", "Tiny", "validation"), ("c", pack, "validation"))
    for key, _, _ in things:
        np.save(tmp_path / f"{key}.views.npy", np.zeros((2, 3, 64, 64, 4), dtype=np.uint8))
        np.save(tmp_path / f"{key}.cameras.npy", np.zeros((2, 3, 2), dtype=np.float32))
    write_manifest(tmp_path, [Entry(k, k, "toy", "Ada", "CC0 1.0", lib, 1.0, split) for k, lib, split in things])
    scores = list(score(ScoreSettings(weights=tmp_path / "fresh.safetensors", data=tmp_path)))
    assert [one.sets[-1] for one in scores] == [
        *["benchmark"] * 2,
        *["validation, single objects"] * 2,
        *["validation, packs: toy"] * 2,
    ]
    assert [one.sets[1] for one in scores[4:]] == [
        "validation, packs: three-quarter",
        "validation, packs: from the front",
    ]
    assert all(one.psnr == 100 and one.iou == 1 for one in scores)  # nothing stays nothing: the cut-out is empty


def test_the_table_holds_means() -> None:
    scores = [GroupScore(("all", "all: toy"), 10.0, 0.5), GroupScore(("all",), 20.0, 1.0)]
    assert table(scores).splitlines()[2:] == ["| all | 2 | 15.00 | 0.750 |", "| all: toy | 1 | 10.00 | 0.500 |"]
