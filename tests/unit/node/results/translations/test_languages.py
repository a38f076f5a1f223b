"""Each language has translations of all phrases and code meanings, and a complete font."""

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from string import Formatter

import matplotlib
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from models.bundle.intended_use import IntendedUse
from node.domain.decision.prediction import Finding, ScoreKind
from node.domain.errors import Misconfigured
from node.domain.workflow.delivery import ResultKind, Route, SendCondition
from node.results.build import build_results
from node.results.fonts import BUILT_IN, typeface_for
from node.results.heatmap import build_heatmap
from node.results.result_context import ResultContext
from node.results.sr_report import build_report
from node.results.translations.english import ENGLISH
from node.results.translations.languages import PHRASES, Language
from tests.support.result_contexts import (
    GOOD,
    MODEL,
    SETTINGS,
    make_context,
    make_prediction,
    make_verdict,
)

TRANSLATIONS = [language for language in Language if language is not Language.ENGLISH]


def context_in(language: Language, finding: Finding = Finding.PRESENT) -> ResultContext:
    settings = replace(SETTINGS, language=language, typeface=typeface_for(language, None))
    values = GOOD | {"FrameOfReferenceUID": "1.2.840.1"}
    return make_context(values, verdict=make_verdict(finding), settings=settings)


def codes_in(ds: Dataset) -> Iterator[tuple[str, str, str]]:
    for element in ds.iterall():
        for item in element.value if element.VR == "SQ" else ():
            # translate() does not support Long Code Value.
            assert "LongCodeValue" not in item
            if "CodeValue" in item:
                yield item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning


def picture_of(ds: Dataset) -> np.ndarray:
    return np.frombuffer(ds.PixelData, np.uint8)[: ds.Rows * ds.Columns * 3].reshape(
        ds.Rows, ds.Columns, 3
    )


def texts_of(ds: Dataset) -> list[str]:
    return [element.value for element in ds.iterall() if element.keyword == "TextValue"]


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_language_has_every_phrase_with_the_same_placeholders(language: Language) -> None:
    phrases = PHRASES[language]
    for field in fields(phrases):
        translated, english = getattr(phrases, field.name), getattr(ENGLISH, field.name)
        if isinstance(english, str) and field.name != "sentence_separator":
            assert translated
            assert placeholders(translated) == placeholders(english), field.name
    assert set(phrases.score_sources) == set(ScoreKind)
    assert set(phrases.objects) == set(ResultKind)
    assert set(phrases.series) == set(IntendedUse)
    assert all(placeholders(text) == {"product", "object"} for text in phrases.series.values())


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.tools("wqy-microhei.ttc")
@pytest.mark.parametrize("finding", list(Finding))
@pytest.mark.parametrize("language", TRANSLATIONS)
def test_every_code_of_all_objects_has_a_meaning_in_the_language(
    language: Language, finding: Finding
) -> None:
    context = context_in(language, finding)
    routes = (Route("pacs", tuple(ResultKind), SendCondition.ALWAYS),)
    for result in build_results(context, make_prediction(context.size), routes):
        for scheme, value, meaning in codes_in(result.content):
            assert PHRASES[language].meanings[scheme, value] == meaning


@pytest.mark.tools("wqy-microhei.ttc")
def test_a_chinese_report_states_score_threshold_and_intended_use() -> None:
    report = build_report(context_in(Language.CHINESE), None, None)
    (comment,) = [text for text in texts_of(report) if "结果" in text]
    assert "仅供研究使用，不得用于诊断。演示模型" in comment
    assert "评分 71.0 %，达到判定阈值 41.0 %" in comment
    assert "仅影像" in comment
    assert report.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.tools("wqy-microhei.ttc")
def test_a_chinese_report_states_the_source_of_a_clinical_score() -> None:
    context = context_in(Language.CHINESE)
    model = replace(MODEL, clinical="fitted on a survey")
    probability = replace(context.verdict.probability, clinical=0.07)
    verdict = replace(context.verdict, probability=probability, model=model)
    texts = texts_of(build_report(replace(context, verdict=verdict), None, None))
    assert any("临床评分：7.0 %（模型来源：fitted on a survey）" in text for text in texts)


@pytest.mark.tools("wqy-microhei.ttc")
def test_the_legend_is_drawn_in_chinese() -> None:
    """The picture above the legend is the same in both languages."""
    context = context_in(Language.CHINESE)
    contexts = context, make_context(verdict=context.verdict)
    chinese, english = (build_heatmap(item, make_prediction(item.size)) for item in contexts)
    assert chinese.SOPInstanceUID != english.SOPInstanceUID
    pictures = [picture_of(ds) for ds in (chinese, english)]
    assert pictures[0].shape == pictures[1].shape
    rows = np.flatnonzero((pictures[0] != pictures[1]).any(axis=(1, 2)))
    assert rows.min() >= 640  # the height of a film of 400 x 320, which is enlarged


def test_english_uses_the_built_in_font() -> None:
    assert typeface_for(Language.ENGLISH, None) is BUILT_IN


@pytest.mark.tools("wqy-microhei.ttc")
def test_the_uid_depends_on_the_content_of_the_font_and_not_on_its_path(tmp_path: Path) -> None:
    typeface = typeface_for(Language.CHINESE, None)
    copy = tmp_path / "font.ttc"
    copy.write_bytes(Path(typeface.path).read_bytes())
    context = context_in(Language.CHINESE)
    settings = replace(context.settings, typeface=typeface_for(Language.CHINESE, copy))
    contexts = context, replace(context, settings=settings)
    first, second = (build_heatmap(item, make_prediction(item.size)) for item in contexts)
    assert first.SOPInstanceUID == second.SOPInstanceUID
    assert first.PixelData == second.PixelData


def test_a_file_that_is_not_a_font_is_refused(tmp_path: Path) -> None:
    Image.new("L", (2, 2)).save(tmp_path / "font.png")
    with pytest.raises(Misconfigured, match=r"font\.png cannot be read as a font"):
        typeface_for(Language.CHINESE, tmp_path / "font.png")


def test_a_font_without_the_glyphs_is_refused() -> None:
    latin_font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    with pytest.raises(Misconfigured, match="has no glyph for"):
        typeface_for(Language.CHINESE, latin_font)
