"""What a radiologist sees: OHIF, in a real browser, opens film, heatmap and report from Orthanc.

The node itself has put them there. Slow, and it fetches OHIF from the npm registry once, so that
it runs by `make viewer` alone. Screenshots of each language stay in `out/viewer`.
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
from tests.peers.node import AE_TITLE, Node
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
PICTURES = ROOT / "out" / "viewer"
# Software drawing, for machines without a graphics card.
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
ELSEWHERE = re.compile(r"^(https?|wss?)://(?!127\.0\.0\.1[:/])")
PATIENCE_MS = 60_000
DRAWN = 10.0  # standard deviation of 255 that no empty viewport has


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-cy")
        program = str(find("chromium"))
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


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
    """Put the film into Orthanc as a modality does, and its results as the node does."""
    node = make_node(destinations=[destination], results={"language": language})
    node.serve()
    assert dcmsend(orthanc.port, film, called_ae=orthanc.ae_title).succeeded
    assert dcmsend(node.port, film, called_ae=AE_TITLE).succeeded
    (job,) = node.wait_all(1)
    assert job.state is JobState.DONE, node.log()
    return node.operator_store().show(job.id)


@pytest.fixture
def page(browser: Browser, orthanc: Orthanc, scored: JobDetail, film: Path) -> Iterator[Page]:
    """Return the study as OHIF opens it, its welcome and its tour put away."""
    study = dcmread(film, stop_before_pixels=True).StudyInstanceUID
    with serving(f"http://127.0.0.1:{orthanc.http_port}") as url:
        opened = browser.new_page(viewport={"width": 1920, "height": 1080})
        opened.set_default_timeout(PATIENCE_MS)
        opened.route(ELSEWHERE, lambda route: route.abort())
        opened.goto(f"{url}/viewer?StudyInstanceUIDs={study}")
        opened.get_by_text("Skip all").click()
        opened.get_by_text("Confirm and hide").click()
        yield opened
        opened.close()


SERIES = {
    "en": ("OsteoScreen demo heatmap", "OsteoScreen demo report", "not for diagnosis"),
    "zh": ("OsteoScreen 演示热图", "OsteoScreen 演示报告", "不得用于诊断"),
}
NUMBERS = {
    "en": "Certainty of Finding: {score:.2f} %Decision threshold: {threshold:.2f} %",
    "zh": "所见的确信度: {score:.2f} %判定阈值: {threshold:.2f} %",
}


def test_film_heatmap_and_report_are_shown(page: Page, scored: JobDetail, language: str) -> None:
    """The report by the names of its numbers and their values, beside the film that they are of.

    Every result is listed with the word that it is not for diagnosis.
    """
    heatmap, report, warning = SERIES[language]
    listed = page.get_by_test_id("study-browser-thumbnail").or_(
        page.get_by_test_id("study-browser-thumbnail-no-image")
    )
    expect(listed).to_have_count(3, timeout=PATIENCE_MS)
    expect(listed.filter(has_text=warning)).to_have_count(2)
    film = picture(page, f"{language}-film")
    page.get_by_text(heatmap).dblclick()
    expect(overlay(page)).to_contain_text(heatmap, timeout=PATIENCE_MS)
    heat = picture(page, f"{language}-heatmap")
    assert colourfulness(film) < 1 < 10 < colourfulness(heat)
    page.get_by_text(report).dblclick()
    verdict = scored.job.verdict
    assert verdict is not None
    assert verdict.decision.score is not None
    score, threshold = (
        round(one * 100, 1) for one in (verdict.decision.score, verdict.decision.threshold)
    )
    said = NUMBERS[language].format(score=score, threshold=threshold)
    expect(page.get_by_test_id("viewport-grid")).to_contain_text(said, timeout=PATIENCE_MS)
    picture(page, f"{language}-report")


def overlay(page: Page) -> Any:
    return page.get_by_test_id("viewport-overlay-top-left")


def picture(page: Page, name: str) -> np.ndarray:
    """Keep what is seen; return the middle of the viewport, once something is drawn there."""
    grid = page.get_by_test_id("viewport-grid")

    def middle() -> np.ndarray:
        seen = np.asarray(Image.open(BytesIO(grid.screenshot())).convert("RGB"), dtype=float)
        rows, columns = seen.shape[0] // 3, seen.shape[1] // 3
        return seen[rows : 2 * rows, columns : 2 * columns]

    drawn = wait_until(middle, lambda seen: bool(seen.std() > DRAWN), timeout=60, goal="picture")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
    return drawn


def colourfulness(seen: np.ndarray) -> float:
    """Return how far the channels are apart on average, of 255: 0 for grey."""
    return float(np.ptp(seen, axis=2).mean())
