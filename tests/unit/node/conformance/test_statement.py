"""The conformance statement is generated from the code's tables and the configuration."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from node.config.settings import Config, load
from node.conformance import statement
from node.conformance.blocks import Section, Table, to_html, to_markdown
from node.conformance.sample import build_sample
from node.domain.sop_class import RADIOGRAPH_CLASSES
from node.ingest.scp import TRANSFER_SYNTAXES
from node.pacs.association import RESULT_CLASSES
from tests.support.paths import ROOT


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Return a configuration with callers, a language, an audit server and two destinations."""
    file = tmp_path / "config.yaml"
    file.write_text(
        "dicom: {ae_title: NODE7, callers: [{ae_title: XRAY1, network: 10.2.0.0/16,"
        " assume_charset: GB18030}]}\n"
        "results: {language: zh}\n"
        "audit: {syslog: {host: audit.example, port: 6515}}\n"
        "destinations: [{name: old-pacs, ae_title: OLD, host: old.example, port: 104,"
        " commitment: true, commitment_timeout: '00:05:00', tls: {}},"
        " {name: web, url: 'https://archive.example/dicom-web'}]\n"
    )
    return load(file)


def test_the_page_in_docs_is_current() -> None:
    """`osteoscreen conformance > docs/reference/conformance.md` updates the page after a change."""
    written = statement.markdown(load(ROOT / "config.yaml"))
    assert (ROOT / "docs" / "reference" / "conformance.md").read_text("utf-8") == written


def test_every_sop_class_and_transfer_syntax_is_listed(config: Config) -> None:
    text = statement.markdown(config)
    for uid in (*RADIOGRAPH_CLASSES, *TRANSFER_SYNTAXES, *RESULT_CLASSES):
        assert f" | {uid} |" in text


def test_it_states_the_configuration_in_use(config: Config) -> None:
    text = statement.markdown(config)
    for statement_text in (
        "Called AE title: NODE7",
        "XRAY1 from 10.2.0.0/16",
        "| old-pacs | OLD | old.example:104 | timeout 0:05:00 | yes |",
        "| web |  | https://archive.example/dicom-web | no | yes |",
        "XRAY1: GB18030",
        "in 中文",
        "and sent to audit.example:6515.",
    ):
        assert statement_text in text


def test_it_states_the_protection_of_incoming_associations(tmp_path: Path) -> None:
    def text_for(dicom: str) -> str:
        file = tmp_path / "config.yaml"
        file.write_text(f"dicom: {dicom}\n")
        return statement.markdown(load(file))

    assert "TLS is not configured for incoming associations." in text_for("{port: 104}")
    without_ca = text_for("{tls: {certificate: node.pem}}")
    assert "Incoming associations require TLS 1.2 or later." in without_ca
    assert "Callers need no certificate." in without_ca
    with_ca = text_for("{tls: {certificate: node.pem, ca: ca.pem}}")
    assert "Callers must present a certificate" in with_ca


def test_the_attributes_read_are_recorded_while_results_are_built() -> None:
    """The record includes attributes in sequences and attributes that depend on a value."""
    tags_read = build_sample().tags_read
    for tag in (0x00100010, 0x00282110, 0x00282112, 0x00400275, 0x00401001, 0x00120063):
        assert tag in tags_read
    assert 0x7FE00010 not in tags_read


def test_it_states_when_an_attribute_has_a_value() -> None:
    text = statement.markdown(Config())
    section = text.split("Secondary Capture Image Storage\n")[-1].split("#### ")[0]
    assert "| Body Part Examined | (0018,0015) | CS | always |" in section
    assert "| Patient ID | (0010,0020) | LO | if the film states it, otherwise empty |" in section
    assert "| Lossy Image Compression | (0028,2110) | CS | if the film states it |" in section


def test_it_has_the_headings_of_ps3_2_in_order() -> None:
    headings = re.findall(r"^## \d+ (.*)$", statement.markdown(Config()), re.MULTILINE)
    assert headings == [
        "Conformance Statement Overview",
        "Introduction",
        "Networking",
        "Media Interchange",
        "Support of Character Sets",
        "Security",
        "Annexes",
    ]


def test_a_value_cannot_break_a_table_or_become_markup() -> None:
    """Names and URLs of destinations are free text and may contain table separators or markup."""
    rows = [("a|b", "<script>alert(1)</script>", "*x*\n[y](z)")]
    text = to_markdown("t", [Section("s", (Table(("1", "2", "3"), rows),))])
    page = to_html("t<", text)
    assert "<script>" not in page
    assert "<title>t&lt;</title>" in page
    cells = re.findall(r"<td>(.*?)</td>", page)
    assert cells == ["a|b", "&lt;script&gt;alert(1)&lt;/script&gt;", "*x* [y](z)"]


def test_the_html_has_every_table_of_the_markdown(config: Config) -> None:
    text = statement.markdown(config)
    tables = sum(token.type == "table_open" for token in MarkdownIt().enable("table").parse(text))
    assert statement.html(config).count("<table>") == tables > 15
