"""The annexes on read attributes, created objects, codes and templates, from sample results."""

from collections.abc import Iterator, Sequence

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword
from pydicom.sr.coding import Code

from node.conformance.blocks import Section, Table
from node.conformance.sample import Sample, build_sample
from node.header.extract import FILM_KEYWORDS, PATIENT_KEYWORDS
from node.results import codes


def annexes() -> Section:
    """Return the annexes on objects, codes and templates (PS3.2, N.8)."""
    sample = build_sample()
    objects = [
        Section(name, (_elements(ds, sample.minimal[name]), *_templates(ds)))
        for name, ds in sample.complete.items()
    ]
    return Section(
        "Annexes",
        sections=(
            Section("Attributes read", (_attributes_read(sample),)),
            Section(
                "Objects created",
                (
                    "The tables list the top-level attributes of each object. The SOP Instance UID "
                    "is derived from film, model, decision and settings. The same result always "
                    "has the same UID and the same bytes.",
                ),
                objects,
            ),
            Section("Coded terminology", (_CODING_SCHEMES, _codes(sample))),
            Section(
                "Extensions",
                (
                    "Contributing Equipment Sequence contains Device UID (0018,1002), as IHE AI "
                    "Results requires. With this attribute, the objects are Standard Extended.",
                    "The node uses no private attributes, SOP Classes or transfer syntaxes.",
                ),
            ),
        ),
    )


_CODING_SCHEMES = (
    f"If a report uses the private coding scheme {codes.PRIVATE_SCHEME} "
    f"({codes.PRIVATE_SCHEME_NAME}), its Coding Scheme Identification Sequence states the scheme. "
    "All other codes are from PS3.16, SNOMED CT, LOINC, UCUM and RFC 5646."
)


def _attributes_read(sample: Sample) -> Table:
    uses = {
        "admission, score and policy": _tags(FILM_KEYWORDS),
        "pseudonym of the patient": _tags(PATIENT_KEYWORDS),
        "results": sample.tags_read,
    }
    rows = [
        (*_attribute(tag), ", ".join(use for use, tags in uses.items() if tag in tags))
        for tag in sorted(set().union(*uses.values()))
    ]
    return Table(("attribute", "tag", "VR", "used for"), rows)


def _tags(keywords: Sequence[str]) -> set[int]:
    return {int(tag_for_keyword(keyword) or 0) for keyword in keywords}


def _elements(complete: Dataset, minimal: Dataset) -> Table:
    return Table(
        ("attribute", "tag", "VR", "value"),
        [(*_attribute(int(element.tag)), _presence(element, minimal)) for element in complete],
    )


def _presence(element: DataElement, minimal: Dataset) -> str:
    """Return a text that describes when an attribute of a result has a value."""
    if element.is_empty:
        return "empty"
    if element.tag not in minimal:
        return "if the film states it"
    return "if the film states it, otherwise empty" if minimal[element.tag].is_empty else "always"


def _attribute(tag: int) -> tuple[str, str, str]:
    return dictionary_description(tag), f"({tag >> 16:04X},{tag & 0xFFFF:04X})", dictionary_VR(tag)


def _templates(ds: Dataset) -> tuple[str, ...]:
    identifiers = dict.fromkeys(
        str(template.TemplateIdentifier)
        for item in (ds, *_sequence_items(ds))
        for template in item.get("ContentTemplateSequence", ())
    )
    return (f"Templates (PS3.16): TID {', '.join(identifiers)}.",) if identifiers else ()


def _sequence_items(ds: Dataset) -> Iterator[Dataset]:
    for element in ds.iterall():
        if element.VR == "SQ":
            yield from element.value


def _codes(sample: Sample) -> Table:
    """Return the codes of the sample results, and codes that depend on film or score."""
    rows = {
        (item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning)
        for ds in sample.complete.values()
        for item in _sequence_items(ds)
        if "CodeValue" in item
    }
    rows |= {(code.scheme_designator, code.value, code.meaning) for code in _code_constants()}
    return Table(("scheme", "value", "meaning"), sorted(rows))


def _code_constants() -> Iterator[Code]:
    for value in vars(codes).values():
        members = value.values() if isinstance(value, dict) else (value,)
        yield from (member for member in members if isinstance(member, Code))
