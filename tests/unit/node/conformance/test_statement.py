"""The conformance statement says what the code does: drawn from its tables, for a configuration."""

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from node.config.settings import Config, load
from node.conformance import statement
from node.conformance.blocks import Section, Table, to_html, to_markdown
from node.conformance.sample import sample
from node.domain.sop_class import RADIOGRAPH_CLASSES
from node.ingest.scp import TRANSFER_SYNTAXES
from node.pacs.association import RESULT_CLASSES
from tests.support.paths import ROOT


@pytest.fixture
def busy(tmp_path: Path) -> Config:
    """Return a configuration that uses much of what there is."""
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


def test_the_copy_in_the_documentation_is_what_the_command_writes() -> None:
    """`osteoscreen conformance > docs/reference/conformance.md` after a change."""
    written = statement.markdown(load(ROOT / "config.yaml"))
    assert (ROOT / "docs" / "reference" / "conformance.md").read_text("utf-8") == written


def test_every_class_and_syntax_that_the_node_offers_is_in_it(busy: Config) -> None:
    text = statement.markdown(busy)
    for uid in (*RADIOGRAPH_CLASSES, *TRANSFER_SYNTAXES, *RESULT_CLASSES):
        assert f" | {uid} |" in text


def test_it_is_of_the_configuration_in_use(busy: Config) -> None:
    text = statement.markdown(busy)
    for said in (
        "Called AE title: NODE7",
        "XRAY1 from 10.2.0.0/16",
        "old-pacs: 0:05:00",
        "https://archive.example/dicom-web",
        "| old-pacs | OLD | old.example:104 |",
        "XRAY1: GB18030",
        "in 中文",
        "and sent to audit.example:6515.",
        "| old-pacs | TLS 1.2 or later, name and chain checked |",
    ):
        assert said in text


def test_the_listening_side_says_how_it_is_protected(tmp_path: Path) -> None:
    """A statement that denies the TLS of a node, or promises it, misleads who connects to it."""

    def stated(dicom: str) -> str:
        file = tmp_path / "config.yaml"
        file.write_text(f"dicom: {dicom}\n")
        return statement.markdown(load(file))

    assert "The listening side speaks no TLS by configuration" in stated("{port: 104}")
    plain = stated("{tls: {certificate: node.pem}}")
    assert "speaks TLS 1.2 or later alone" in plain
    assert "callers need show none" in plain
    assert "callers show one" in stated("{tls: {certificate: node.pem, ca: ca.pem}}")


def test_what_results_read_is_found_by_building_them() -> None:
    """Also what is read only because of the value of something else, and inside sequences."""
    read = sample().read
    for tag in (0x00100010, 0x00282110, 0x00282112, 0x00400275, 0x00401001, 0x00120063):
        assert tag in read
    assert 0x7FE00010 not in read


def test_an_attribute_is_told_apart_by_when_it_has_a_value() -> None:
    text = statement.markdown(Config())
    section = text.split("Secondary Capture Image Storage\n")[-1].split("#### ")[0]
    assert "| Body Part Examined | (0018,0015) | CS | always |" in section
    assert "| Patient ID | (0010,0020) | LO | where the film states it, else empty |" in section
    assert "| Lossy Image Compression | (0028,2110) | CS | where the film states it |" in section


def test_every_heading_of_the_standard_is_there() -> None:
    """The major headings of PS3.2, in its order."""
    found = re.findall(r"^## \d+ (.*)$", statement.markdown(Config()), re.MULTILINE)
    assert found == [
        "Conformance Statement Overview",
        "Introduction",
        "Networking",
        "Media Interchange",
        "Support of Character Sets",
        "Security",
        "Annexes",
    ]


def test_no_value_can_break_a_table_or_become_markup() -> None:
    """A destination's name or URL is an administrator's free text."""
    rows = [("a|b", "<script>alert(1)</script>", "*x*\n[y](z)")]
    text = to_markdown("t", [Section("s", (Table(("1", "2", "3"), rows),))])
    page = to_html("t<", text)
    assert "<script>" not in page
    assert "<title>t&lt;</title>" in page
    cells = re.findall(r"<td>(.*?)</td>", page)
    assert cells == ["a|b", "&lt;script&gt;alert(1)&lt;/script&gt;", "*x* [y](z)"]


def test_the_page_has_every_table_of_the_markdown(busy: Config) -> None:
    text = statement.markdown(busy)
    tables = sum(token.type == "table_open" for token in MarkdownIt().enable("table").parse(text))
    assert statement.html(busy).count("<table>") == tables > 15
