from dataclasses import replace
from pathlib import Path

import torch

from dreamgaussian.priors.mini.lifter import Lifter
from dreamgaussian.priors.mini.weights import load_weights
from factory.export import export_weights
from factory.manifest import Entry, write_manifest
from factory.settings import WeightsExportSettings

LOG = "".join(f"{25 * i},0.0{35 + i % 3}0,1.0,1e-4,{16.5 if i == 44 else ''}\n" for i in range(1, 49))
CHAIR = Entry("a", "Chair", "Office", "Ada", "CC0 1.0", "Tiny", 1.0, "train")


def test_the_averages_are_exported_with_a_card_that_credits_what_was_trained_on(tmp_path: Path) -> None:
    lifter = Lifter()
    torch.save({"average": lifter.state_dict(), "step": 7}, tmp_path / "lifter.pt")
    held_out = replace(CHAIR, key="b", name="Teapot", split="benchmark")
    drawn = replace(CHAIR, key="c", name="lemon", creator="Microsoft", licence="MIT", library="Fluent-emoji")
    write_manifest(tmp_path, [CHAIR, held_out, drawn])
    (tmp_path / "lifter.csv").write_text("step,loss,seconds,learning_rate\n" + LOG)
    path = export_weights(WeightsExportSettings(data=tmp_path, training=tmp_path, output=tmp_path / "mini.safetensors"))
    loaded, _ = load_weights(path)
    assert torch.equal(loaded.leave.bias, lifter.leave.bias.half().float())
    card = path.with_suffix(".md").read_text()
    assert "after 7 steps of the lifter and 0 steps of the denoiser" in card
    assert "- Ada: Chair\n" in card
    assert "### Fluent-emoji (MIT)\n\n- Microsoft: lemon" in card
    assert "Teapot" not in card
    rows = [line for line in card.splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert len(rows) == 24
    assert rows[-3:] == ["| 1100 | 0.0365 | 16.5 |", "| 1150 | 0.0355 |  |", "| 1200 | 0.0360 |  |"]
