from dataclasses import asdict

import pytest

from benchmarks.bars import text_bars
from dreamgaussian.core.errors import InputError
from dreamgaussian.evaluate.report import write_report
from dreamgaussian.evaluate.text.text_results import (
    TextResult,
    read_text_result,
    result_path,
    summarise_text,
    write_text_result,
)


def result(words: str, kind: str, nearest: tuple[str, ...], asked: tuple[str, ...] = (), color: str = "gray"):
    return TextResult(words, kind, {}, nearest, asked, color, 0.8, 0.9, {"model": "library"}, {"Gaussians": 2.0})


RESULTS = (
    result("a red chair", "chair", ("chair", "stool"), ("red",), "red"),
    result("a golden cup", "cup", ("bowl", "cup"), ("yellow", "orange"), "brown"),
    result("a sofa", "sofa", ("bed", "table")),
    result("a rock", "rock", ("rock", "box")),
)


def test_shares_are_those_of_the_prompts_and_of_the_asked_colours():
    summary = summarise_text(RESULTS)
    assert (summary.top_1, summary.top_5, summary.colors_right) == (0.5, 0.75, 0.5)
    assert (summary.prompts, summary.colors_asked) == (4, 2)
    assert [met for _, _, met in text_bars(asdict(summary))] == [True, True, False]


def test_a_result_reads_back(tmp_path):
    path = result_path(tmp_path, "a red chair")
    path.parent.mkdir()
    write_text_result(path, RESULTS[0])
    assert read_text_result(path) == RESULTS[0]
    path.write_text("{}")
    with pytest.raises(InputError, match="is not a result of the benchmark"):
        read_text_result(path)


def test_a_report_of_text_alone_holds_its_table(tmp_path):
    page = write_report(tmp_path, [], RESULTS).read_text()
    table = (tmp_path / "report.md").read_text()
    for text in (page, table):
        assert "a golden cup" in text
        assert "top-5 75%" in text
    assert "Front view" not in table
    assert "| a golden cup | cup | bowl, cup | yellow or orange | brown | 0.800 | 0.900 | library |" in table
