"""Results in other languages than English: nothing left untranslated, every glyph there."""

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
from node.results.result_context import Subject
from node.results.sr_report import build_report
from node.results.translations.english import ENGLISH
from node.results.translations.languages import PHRASES, Language
from tests.support.result_subjects import GOOD, MODEL, SETTINGS, prediction, subject, verdict

OTHERS = [language for language in Language if language is not Language.ENGLISH]


def scored(language: Language, finding: Finding = Finding.PRESENT) -> Subject:
    settings = replace(SETTINGS, language=language, typeface=typeface_for(language, None))
    values = GOOD | {"FrameOfReferenceUID": "1.2.840.1"}
    return subject(values, made=verdict(finding), settings=settings)


def codes_in(ds: Dataset) -> Iterator[tuple[str, str, str]]:
    for element in ds.iterall():
        for item in element.value if element.VR == "SQ" else ():
            # Never a Long Code Value, which the translation does not look at.
            assert "LongCodeValue" not in item
            if "CodeValue" in item:
                yield item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning


def picture_of(ds: Dataset) -> np.ndarray:
    return np.frombuffer(ds.PixelData, np.uint8)[: ds.Rows * ds.Columns * 3].reshape(
        ds.Rows, ds.Columns, 3
    )


def texts_of(ds: Dataset) -> list[str]:
    return [element.value for element in ds.iterall() if element.keyword == "TextValue"]


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_every_phrase_with_the_same_blanks(language: Language) -> None:
    """A forgotten blank would lose a score; an invented one would fail on the first film."""
    words = PHRASES[language]
    for field in fields(words):
        said, english = getattr(words, field.name), getattr(ENGLISH, field.name)
        if isinstance(english, str) and field.name != "sentence_separator":
            assert said
            assert blanks(said) == blanks(english), field.name
    assert set(words.score_sources) == set(ScoreKind)
    assert set(words.objects) == set(ResultKind)
    assert set(words.series) == set(IntendedUse)
    assert all(blanks(text) == {"product", "object"} for text in words.series.values())


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.tools("wqy-microhei.ttc")
@pytest.mark.parametrize("finding", list(Finding))
@pytest.mark.parametrize("language", OTHERS)
def test_every_code_of_all_objects_has_a_meaning_in_the_language(
    language: Language, finding: Finding
) -> None:
    """A code added to a report without its translation fails here."""
    made = scored(language, finding)
    wanted = (Route("pacs", tuple(ResultKind), SendCondition.ALWAYS),)
    for one in build_results(made, prediction(made.size), wanted):
        for scheme, value, meaning in codes_in(one.content):
            assert PHRASES[language].meanings[scheme, value] == meaning


@pytest.mark.tools("wqy-microhei.ttc")
def test_a_chinese_report_says_score_threshold_and_intended_use() -> None:
    report = build_report(scored(Language.CHINESE), None, None)
    (comment,) = [text for text in texts_of(report) if "结果" in text]
    assert "仅供研究使用，不得用于诊断。演示模型" in comment
    assert "评分 71.0 %，达到判定阈值 41.0 %" in comment
    assert "仅影像" in comment
    assert report.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.tools("wqy-microhei.ttc")
def test_a_chinese_report_of_a_clinical_score_says_where_it_comes_from() -> None:
    made = scored(Language.CHINESE)
    model = replace(MODEL, clinical="fitted on somebody")
    probability = replace(made.verdict.probability, clinical=0.07)
    judged = replace(made.verdict, probability=probability, model=model)
    texts = texts_of(build_report(replace(made, verdict=judged), None, None))
    assert any("临床评分：7.0 %（模型来源：fitted on somebody）" in text for text in texts)


@pytest.mark.tools("wqy-microhei.ttc")
def test_the_legend_is_drawn_in_chinese() -> None:
    """Text of another language is another picture, and nothing but the band differs."""
    made = scored(Language.CHINESE)
    chinese, english = (
        build_heatmap(one, prediction(one.size)) for one in (made, subject(made=made.verdict))
    )
    assert chinese.SOPInstanceUID != english.SOPInstanceUID
    pictures = [picture_of(ds) for ds in (chinese, english)]
    assert pictures[0].shape == pictures[1].shape
    rows = np.flatnonzero((pictures[0] != pictures[1]).any(axis=(1, 2)))
    assert rows.min() >= 640  # so tall is a film of 400 x 320, which is enlarged


def test_english_needs_no_font_of_the_system() -> None:
    assert typeface_for(Language.ENGLISH, None) is BUILT_IN


@pytest.mark.tools("wqy-microhei.ttc")
def test_a_font_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    """The same font elsewhere makes the same object; where it lies is in no UID."""
    found = typeface_for(Language.CHINESE, None)
    copy = tmp_path / "font.ttc"
    copy.write_bytes(Path(found.path).read_bytes())
    moved = typeface_for(Language.CHINESE, copy)
    made = scored(Language.CHINESE)
    elsewhere = replace(made, settings=replace(made.settings, typeface=moved))
    one, other = (build_heatmap(x, prediction(x.size)) for x in (made, elsewhere))
    assert one.SOPInstanceUID == other.SOPInstanceUID
    assert one.PixelData == other.PixelData


def test_a_file_that_is_no_font_is_refused_with_its_name(tmp_path: Path) -> None:
    Image.new("L", (2, 2)).save(tmp_path / "font.png")
    with pytest.raises(Misconfigured, match=r"font\.png cannot be read as a font"):
        typeface_for(Language.CHINESE, tmp_path / "font.png")


def test_a_font_without_the_glyphs_is_refused() -> None:
    latin_font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    with pytest.raises(Misconfigured, match="has no glyph for"):
        typeface_for(Language.CHINESE, latin_font)
