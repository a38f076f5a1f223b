"""OHIF in a real browser displays film, heatmap and report from Orthanc.

Only `make viewer` runs this slow test, which downloads OHIF once from the npm registry. The test
saves screenshots of each language in `out/viewer`.
"""

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pydicom import dcmread

from node.domain.workflow.job import JobState
from node.domain.workflow.job_summary import JobDetail
from tests.peers.dcmtk import dcmsend
from tests.peers.node import Node
from tests.peers.ohif import serving
from tests.peers.orthanc import Orthanc
from tests.peers.programs import find
from tests.peers.waiting import wait_until
from tests.support.paths import ROOT

pytestmark = [
    pytest.mark.viewer,
    pytest.mark.tools(
        "chromium", "dcmsend", "Orthanc", "libOrthancDicomWeb.so", "wqy-microhei.ttc"
    ),
]
SCREENSHOTS = ROOT / "out" / "viewer"
# Software rendering, for machines without a graphics card.
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
OTHER_HOSTS = re.compile(r"^(https?|wss?)://(?!127\.0\.0\.1[:/])")
TIMEOUT_MS = 60_000
MIN_CONTRAST = 10.0  # standard deviation of grey levels; an empty viewport has less


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-cy")
        program = str(find("chromium"))
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def scored(
    make_node: Callable[..., Node],
    orthanc: Orthanc,
    destination: dict[str, Any],
    film: Path,
    language: str,
) -> JobDetail:
    """Send the film to Orthanc and to the node, and return its job with results."""
    node = make_node(destinations=[destination], results={"language": language})
    node.serve()
    assert dcmsend(orthanc.port, film, called_ae=orthanc.ae_title).succeeded
    node.send(film)
    (job,) = node.wait_all(1)
    assert job.state is JobState.DONE, node.log()
    return node.operator_store().show(job.id)


@pytest.fixture
def page(browser: Browser, orthanc: Orthanc, scored: JobDetail, film: Path) -> Iterator[Page]:
    """Return OHIF with the study opened, and with its welcome dialogs closed."""
    study = dcmread(film, stop_before_pixels=True).StudyInstanceUID
    with serving(f"http://127.0.0.1:{orthanc.http_port}") as url:
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.set_default_timeout(TIMEOUT_MS)
        page.route(OTHER_HOSTS, lambda route: route.abort())
        page.goto(f"{url}/viewer?StudyInstanceUIDs={study}")
        page.get_by_text("Skip all").click()
        page.get_by_text("Confirm and hide").click()
        yield page
        page.close()


SERIES = {
    "en": ("OsteoScreen demo heatmap", "OsteoScreen demo report", "not for diagnosis"),
    "zh": ("OsteoScreen 演示热图", "OsteoScreen 演示报告", "不得用于诊断"),
}
NUMBERS = {
    "en": "Certainty of Finding: {score:.2f} %Decision threshold: {threshold:.2f} %",
    "zh": "所见的确信度: {score:.2f} %判定阈值: {threshold:.2f} %",
}


def test_film_heatmap_and_report_are_displayed(
    page: Page, scored: JobDetail, language: str
) -> None:
    """The report shows its numbers with their names, and the list shows each result's warning."""
    heatmap, report, warning = SERIES[language]
    thumbnails = page.get_by_test_id("study-browser-thumbnail").or_(
        page.get_by_test_id("study-browser-thumbnail-no-image")
    )
    expect(thumbnails).to_have_count(3, timeout=TIMEOUT_MS)
    expect(thumbnails.filter(has_text=warning)).to_have_count(2)
    film = screenshot(page, f"{language}-film")
    page.get_by_text(heatmap).dblclick()
    expect(overlay(page)).to_contain_text(heatmap, timeout=TIMEOUT_MS)
    heat = screenshot(page, f"{language}-heatmap")
    assert colourfulness(film) < 1 < 10 < colourfulness(heat)
    page.get_by_text(report).dblclick()
    verdict = scored.job.verdict
    assert verdict is not None
    assert verdict.decision.score is not None
    score, threshold = (
        round(value * 100, 1) for value in (verdict.decision.score, verdict.decision.threshold)
    )
    text = NUMBERS[language].format(score=score, threshold=threshold)
    expect(page.get_by_test_id("viewport-grid")).to_contain_text(text, timeout=TIMEOUT_MS)
    screenshot(page, f"{language}-report")


def overlay(page: Page) -> Any:
    return page.get_by_test_id("viewport-overlay-top-left")


def screenshot(page: Page, name: str) -> np.ndarray:
    """Save a screenshot; return the middle of the viewport when the viewport has an image."""
    grid = page.get_by_test_id("viewport-grid")

    def middle() -> np.ndarray:
        image = np.asarray(Image.open(BytesIO(grid.screenshot())).convert("RGB"), dtype=float)
        rows, columns = image.shape[0] // 3, image.shape[1] // 3
        return image[rows : 2 * rows, columns : 2 * columns]

    image = wait_until(
        middle, lambda image: bool(image.std() > MIN_CONTRAST), timeout=60, goal="image"
    )
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    return image


def colourfulness(image: np.ndarray) -> float:
    """Return the mean difference between colour channels, 0 (grey) to 255."""
    return float(np.ptp(image, axis=2).mean())
