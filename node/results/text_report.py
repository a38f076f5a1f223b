"""The text report, a Basic Text SR (PS3.3, A.35.1) for viewers that display no other SR."""

from highdicom import sr
from highdicom.sr import RelationshipTypeValues as Relationship
from pydicom import Dataset
from pydicom.sr.coding import Code

from node.domain.sop_class import SopClass
from node.domain.workflow.delivery import ResultKind
from node.results import codes
from node.results.common_modules import read_header, start_result
from node.results.result_context import ResultContext
from node.results.sr_content import container, document_context
from node.results.sr_document import add_document
from node.results.translations.languages import translate
from node.results.wording import comment, headline


def build_text(context: ResultContext) -> Dataset:
    """Return the text report of a film by TID 2000."""
    header = read_header(context)
    ds = start_result(context, header, ResultKind.TEXT, SopClass.BASIC_TEXT_SR)
    add_document(ds, context, header, ())
    verdict, phrases = context.verdict, context.phrases
    sections = [_section(codes.FINDINGS, codes.FINDING, comment(verdict, phrases))]
    if verdict.decision.score is not None:
        conclusion = headline(verdict.decision, phrases)
        sections.append(_section(codes.CONCLUSIONS, codes.CONCLUSION, conclusion))
    items = [*document_context(context), *sections]
    ds.update(container(codes.DIAGNOSTIC_IMAGING_REPORT, items, template="2000"))
    translate(ds, phrases)
    return ds


def _section(title: Code, name: Code, text: str) -> sr.ContainerContentItem:
    return container(title, [sr.TextContentItem(name, text, Relationship.CONTAINS)])
