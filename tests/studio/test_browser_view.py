"""`dreamgaussian view` in a real browser: Gaussians, a mesh, and both side by side."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from dreamgaussian.core.gaussians import Gaussians
from dreamgaussian.formats import save
from meshing.shapes import sphere
from studio.browsing import PATIENCE, Site, in_browser, moved, view, window

pytestmark = in_browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    save(Gaussians.in_ball(500, 0.5, torch.Generator().manual_seed(0)), folder / "gaussians.ply")
    save(sphere(), folder / "mesh.glb")
    return folder


@contextmanager
def viewed(browser: Browser, *files: Path) -> Iterator[Page]:
    site = Site("view", *map(str, files))
    try:
        with window(browser, site.address) as page:
            expect(page.locator("#empty")).to_be_hidden(timeout=PATIENCE)
            page.wait_for_timeout(500)
            yield page
    finally:
        site.end()


@pytest.mark.parametrize("name", ["gaussians.ply", "mesh.glb"])
def test_a_file_is_shown_alone_and_can_be_turned(browser: Browser, folder: Path, name: str) -> None:
    with viewed(browser, folder / name) as page:
        assert page.title().startswith(name)
        front = view(page)
        assert front.std() > 8
        assert front.shape[1] > 600, "it has the page for itself"
        for _ in range(5):
            page.locator("#canvas").press("ArrowUp")
        turned = view(page)
        assert moved(front, turned)
        page.get_by_text("normals", exact=True).click()
        assert moved(turned, view(page))
        expect(page.locator("#form, #gallery, #run:visible")).to_have_count(0)


def test_a_folders_results_stand_side_by_side(browser: Browser, folder: Path) -> None:
    with viewed(browser, folder) as page:
        expect(page.locator("#layer-left")).to_have_text("gaussians.ply")
        expect(page.locator("#layer-right")).to_have_text("mesh.glb")
        page.add_style_tag(content="#viewport { background: #fff !important }")
        both = view(page)
        middle = both.shape[1] // 2
        page.select_option("#right", "")
        page.select_option("#left", "1")
        mesh_alone = view(page)
        page.select_option("#right", "0")
        swapped = view(page)
        assert moved(both, mesh_alone)
        left, right = slice(8, middle - 8), slice(middle + 8, 2 * middle - 8)
        assert np.abs(both[60:, left] - swapped[60:, right]).mean() < 4
        assert np.abs(both[60:, left] - both[60:, right]).mean() > 8
