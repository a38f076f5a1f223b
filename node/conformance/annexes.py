"""Annexes: what results read and hold, their codes and templates; seen by building them."""

from collections.abc import Iterator, Sequence

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword
from pydicom.sr.coding import Code

from node.conformance.blocks import Section, Table
from node.conformance.sample import Sample, sample
from node.header.extract import FILM_KEYWORDS, PATIENT_KEYWORDS
from node.results import codes


def annexes() -> Section:
    """Return the annexes on objects, codes and templates (PS3.2, N.8)."""
    seen = sample()
    written = [
        Section(name, (_elements(ds, seen.bare[name]), *_templates(ds)))
        for name, ds in seen.full.items()
    ]
    return Section(
        "Annexes",
        sections=(
            Section("Attributes read", (_read(seen),)),
            Section(
                "Objects created",
                (
                    "Attributes of each object at its top level. SOP Instance UIDs are computed "
                    "from film, model, decision and settings: the same result is the same object, "
                    "byte for byte, and is never made twice.",
                ),
                written,
            ),
            Section("Coded terminology", (_private(), _codes(seen))),
            Section(
                "Extensions",
                (
                    "Contributing Equipment Sequence carries Device UID (0018,1002), as IHE AI "
                    "Results asks; the objects are Standard Extended for that. There are no "
                    "private attributes, SOP Classes or transfer syntaxes.",
                ),
            ),
        ),
    )


def _read(seen: Sample) -> Table:
    uses = {
        "admission, score and policy": _tags(FILM_KEYWORDS),
        "pseudonym of the patient": _tags(PATIENT_KEYWORDS),
        "results": seen.read,
    }
    rows = [
        (*_name(tag), ", ".join(name for name, tags in uses.items() if tag in tags))
        for tag in sorted(set().union(*uses.values()))
    ]
    return Table(("attribute", "tag", "VR", "used for"), rows)


def _tags(keywords: Sequence[str]) -> set[int]:
    return {int(tag_for_keyword(keyword) or 0) for keyword in keywords}


def _elements(full: Dataset, bare: Dataset) -> Table:
    return Table(
        ("attribute", "tag", "VR", "value"),
        [(*_name(int(element.tag)), _stated(element, bare)) for element in full],
    )


def _stated(element: DataElement, bare: Dataset) -> str:
    """Say when an attribute has a value, from what it has for a film that states nothing."""
    if element.is_empty:
        return "empty"
    if element.tag not in bare:
        return "where the film states it"
    return "where the film states it, else empty" if bare[element.tag].is_empty else "always"


def _name(tag: int) -> tuple[str, str, str]:
    return dictionary_description(tag), f"({tag >> 16:04X},{tag & 0xFFFF:04X})", dictionary_VR(tag)


def _templates(ds: Dataset) -> tuple[str, ...]:
    found = list(dict.fromkeys(_template_ids(ds)))
    return (f"Templates (PS3.16): TID {', '.join(found)}.",) if found else ()


def _template_ids(ds: Dataset) -> Iterator[str]:
    for item in (ds, *_items(ds)):
        for template in item.get("ContentTemplateSequence", ()):
            yield str(template.TemplateIdentifier)


def _items(ds: Dataset) -> Iterator[Dataset]:
    for element in ds.iterall():
        if element.VR == "SQ":
            yield from element.value


def _codes(seen: Sample) -> Table:
    """All codes that any of the results holds, and those that depend on the film or the score."""
    stated = {
        (item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning)
        for ds in seen.full.values()
        for item in _items(ds)
        if "CodeValue" in item
    }
    stated |= {(code.scheme_designator, code.value, code.meaning) for code in _constants()}
    return Table(("scheme", "value", "meaning"), sorted(stated))


def _constants() -> Iterator[Code]:
    for value in vars(codes).values():
        if isinstance(value, Code):
            yield value
        elif isinstance(value, dict):
            yield from (one for one in value.values() if isinstance(one, Code))


def _private() -> str:
    return (
        f"Private coding scheme {codes.PRIVATE_SCHEME} ({codes.PRIVATE_SCHEME_NAME}), which every "
        "report that uses it identifies in its Coding Scheme Identification Sequence. All others "
        "are codes of PS3.16, SNOMED CT, LOINC, UCUM and RFC 5646."
    )
