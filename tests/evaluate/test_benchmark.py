"""A whole evaluation of one object, with few steps and few views."""

import json
import re

import pytest

from benchmarks.bars import bars
from dreamgaussian.core.errors import ConfigError
from dreamgaussian.evaluate.benchmark import evaluate
from dreamgaussian.evaluate.dataset import read_index
from dreamgaussian.evaluate.results import read_result
from dreamgaussian.evaluate.settings import EvalSettings

ENTRY = read_index()[0]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    settings = EvalSettings(tmp_path_factory.mktemp("benchmark"), quick=True, objects=1, views=2, steps=4)
    return settings, list(evaluate(settings))


def test_progress_goes_through_the_pipelines_stages_to_the_report(finished):
    settings, steps = finished
    stages = list(dict.fromkeys(step.stage for step in steps))
    assert stages == ["Scores", "Gaussians", "Mesh", "Report"]
    assert steps[-1].report == settings.output / "report.html"
    assert (steps[-1].done, steps[-1].total) == (2, 2)


def test_every_method_is_scored(finished):
    settings, _ = finished
    folder = settings.output / ENTRY.key
    baselines, default = (read_result(folder / f"{name}.json") for name in ("baselines", "default"))
    assert list(baselines.methods) == ["Copied input", "Billboard", "Inflated silhouette", "Mean view (oracle)"]
    assert list(default.methods) == ["Prior, lifted", "Prior, sampled", "Gaussians", "Mesh"]
    assert {tuple(scores.views) for scores in baselines.methods.values()} == {(64, 256)}
    assert list(default.methods["Prior, sampled"].views) == [64]
    assert default.methods["Mesh"].shape is not None
    assert default.seconds.keys() >= {"Gaussians", "Mesh"}
    assert default.peak_memory_mb > 100


def test_the_copied_input_has_the_inputs_front(finished):
    settings, _ = finished
    result = read_result(settings.output / ENTRY.key / "baselines.json")
    assert result.methods["Copied input"].front_psnr == 100


def test_finished_results_are_not_measured_again_unless_the_settings_change(finished):
    settings, _ = finished
    again = [step.stage for step in evaluate(settings)]
    assert again == ["Scores", "Scores", "Report"]
    path = settings.output / ENTRY.key / "baselines.json"
    assert read_result(path).identity["views"] == [0, 8]


def test_the_report_stands_alone_and_names_every_method(finished):
    settings, _ = finished
    page = (settings.output / "report.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    assert page.count("data:image/webp;base64,") == 10
    table = (settings.output / "report.md").read_text()
    for method in ("Copied input", "Prior, sampled", "Gaussians", "Mesh"):
        assert f"| {method} |" in table
    assert f"| {ENTRY.name} | default | Mesh |" in table
    record = json.loads((settings.output / "report.json").read_text())
    assert len(record["results"]) == 2


def test_bars_compare_ours_with_the_baselines(finished):
    settings, _ = finished
    folder = settings.output / ENTRY.key
    results = [read_result(folder / f"{name}.json") for name in ("baselines", "default")]
    gain = results[1].methods["Mesh"].views[64].psnr - results[0].methods["Copied input"].views[64].psnr
    found = {
        claim: (measured, met)
        for claim, measured, met in bars(json.loads((settings.output / "report.json").read_text()))
    }
    assert found["Mesh, 64 px: PSNR at least 3 dB above copied input"] == (f"{gain:+.2f} dB", gain >= 3)
    assert len(found) == 28


def test_more_objects_than_there_are_is_an_error():
    with pytest.raises(ConfigError, match=r"objects is 41\. Give a number from 1 to 40"):
        EvalSettings(objects=41)


def test_quick_means_few_objects_and_the_quick_preset():
    quick = EvalSettings(quick=True)
    assert (quick.object_count, quick.view_count, quick.preset_name) == (4, 4, "quick")
    assert EvalSettings(quick=True, objects=7, preset="default").object_count == 7
