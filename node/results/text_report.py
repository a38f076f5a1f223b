"""The report in words: a Basic Text SR (PS3.3, A.35.1), for viewers that show nothing else.

It says what the report says in words, without codes or numbers that such a viewer would drop.
"""

from highdicom import sr
from highdicom.sr import RelationshipTypeValues as Relationship
from pydicom import Dataset
from pydicom.sr.coding import Code

from node.domain.sop_class import SopClass
from node.domain.workflow.delivery import ResultKind
from node.results import codes
from node.results.common_modules import add_series, envelope, read
from node.results.result_context import Subject
from node.results.sr_content import context
from node.results.sr_document import add_document
from node.results.translations.languages import translate
from node.results.uids import UidKind
from node.results.wording import comment, headline, series_description


def build_text(subject: Subject) -> Dataset:
    """Return a film's report in words: TID 2000, complete, preliminary, unverified."""
    header = read(subject)
    ds = envelope(subject, header, SopClass.BASIC_TEXT_SR, subject.uid(UidKind.TEXT))
    add_series(
        ds,
        modality="SR",
        number=subject.settings.series_number_text,
        description=series_description(
            ResultKind.TEXT, subject.verdict.model.intended_use, subject.phrases
        ),
        uid=subject.uid(UidKind.TEXT_SERIES),
    )
    add_document(ds, subject, header, ())
    ds.update(_content(subject))
    translate(ds, subject.phrases)
    return ds


def _content(subject: Subject) -> sr.ContainerContentItem:
    verdict, phrases = subject.verdict, subject.phrases
    root = sr.ContainerContentItem(name=codes.DIAGNOSTIC_IMAGING_REPORT, template_id="2000")
    sections = [_section(codes.FINDINGS, codes.FINDING, comment(verdict, phrases))]
    if verdict.decision.score is not None:
        said = headline(verdict.decision, phrases)
        sections.append(_section(codes.CONCLUSIONS, codes.CONCLUSION, said))
    root.ContentSequence = sr.ContentSequence([*context(subject), *sections])
    return root


def _section(name: Code, of: Code, text: str) -> sr.ContainerContentItem:
    section = sr.ContainerContentItem(name=name, relationship_type=Relationship.CONTAINS)
    section.ContentSequence = sr.ContentSequence(
        [sr.TextContentItem(name=of, value=text, relationship_type=Relationship.CONTAINS)]
    )
    return section
