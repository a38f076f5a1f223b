"""Attributes that all results have: patient, study, order, series, equipment and SOP common.

A result is a new data set in ISO_IR 192 (UTF-8). A result contains copies of the header's values,
so that a change of the result cannot change the header.
"""

from highdicom import ContributingEquipment
from pydicom import Dataset

from node.domain.admission.header_rules import OWN_MANUFACTURER
from node.domain.sop_class import SopClass
from node.domain.workflow.delivery import ResultKind
from node.results import codes
from node.results.film_header import CS, LO, SH, ST, UT, Header
from node.results.result_context import ResultContext
from node.results.uids import UidKind, device_uid

PRODUCT = "OsteoScreen"

# An SR requires Content Date and Time (Type 1 in C.17.2), even if the film has no date.
_NO_DATE, _NO_TIME = "19000101", "000000"
_DATES_AND_TIMES = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)


def read_header(context: ResultContext) -> Header:
    """Return a reader of the film's header."""
    return Header.of(context.source, context.settings.assume_charset)


def start_result(
    context: ResultContext, header: Header, kind: ResultKind, sop_class: SopClass, *inputs: str
) -> Dataset:
    """Return a data set with the common attributes, and with UIDs from context and `inputs`."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = str(sop_class)
    ds.SOPInstanceUID = context.uid(UidKind(kind), *inputs)
    ds.InstanceNumber = 1
    ds.ContentDate, ds.ContentTime = content_date_and_time(header)
    if timezone := header.timezone():
        ds.TimezoneOffsetFromUTC = timezone
    _add_patient(ds, header)
    _add_study(ds, header, context.film.study_instance_uid)
    _add_equipment(ds, context)
    ds.Modality = "OT" if kind is ResultKind.HEATMAP else "SR"
    ds.SeriesInstanceUID = context.uid(UidKind(f"{kind}-series"), *inputs)
    ds.SeriesNumber = context.settings.series_number(kind)
    phrases, use = context.phrases, context.verdict.model.intended_use
    # Product and intended use come first, because OHIF shows 20 characters of the description.
    ds.SeriesDescription = phrases.series[use].format(product=PRODUCT, object=phrases.objects[kind])
    return ds


def content_date_and_time(header: Header) -> tuple[str, str]:
    """Return the film's date and time as Content Date and Content Time of a result.

    With the current time, every attempt would create different bytes under the same UID.
    """
    for date_keyword, time_keyword in _DATES_AND_TIMES:
        if date := header.date(date_keyword):
            return date, header.time(time_keyword) or _NO_TIME
    return _NO_DATE, _NO_TIME


def referenced_requests(header: Header, study_uid: str) -> list[Dataset]:
    """Return the Referenced Request Sequence (PS3.3, C.17.2), which refers to the film's order."""
    items = []
    for request in header.items("RequestAttributesSequence"):
        item = Dataset()
        item.StudyInstanceUID = request.uid("StudyInstanceUID") or study_uid
        item.ReferencedStudySequence = []
        number = request.text("AccessionNumber", SH) or header.text("AccessionNumber", SH)
        item.AccessionNumber = number
        for keyword in (
            "PlacerOrderNumberImagingServiceRequest",
            "FillerOrderNumberImagingServiceRequest",
        ):
            setattr(item, keyword, request.text(keyword, LO) or header.text(keyword, LO))
        item.RequestedProcedureID = request.text("RequestedProcedureID", SH)
        item.RequestedProcedureDescription = request.text("RequestedProcedureDescription", LO)
        item.RequestedProcedureCodeSequence = []
        items.append(item)
    return items


def _add_patient(ds: Dataset, header: Header) -> None:
    """Add the Patient and Patient Study attributes (PS3.3, C.7.1.1 and C.7.2.2)."""
    ds.PatientName = header.name("PatientName")
    ds.PatientID = header.text("PatientID", LO)
    ds.PatientBirthDate = header.date("PatientBirthDate")
    sex = header.text("PatientSex", CS).upper()
    ds.PatientSex = sex if sex in {"M", "F", "O"} else ""
    if issuer := header.text("IssuerOfPatientID", LO):
        ds.IssuerOfPatientID = issuer
    qualifiers = map(_universal_entity, header.items("IssuerOfPatientIDQualifiersSequence"))
    if qualifier := next(filter(None, qualifiers), None):
        ds.IssuerOfPatientIDQualifiersSequence = [qualifier]
    if age := header.age("PatientAge"):
        ds.PatientAge = age
    method = header.text("DeidentificationMethod", LO)
    if method and header.codes("PatientIdentityRemoved") == ["YES"]:
        ds.PatientIdentityRemoved = "YES"
        ds.DeidentificationMethod = method


def _add_study(ds: Dataset, header: Header, study_uid: str) -> None:
    """Add the General Study attributes (PS3.3, C.7.2.1) with the film's Study Instance UID."""
    ds.StudyInstanceUID = study_uid
    ds.StudyDate = header.date("StudyDate")
    ds.StudyTime = header.time("StudyTime")
    ds.StudyID = header.text("StudyID", SH)
    ds.AccessionNumber = header.text("AccessionNumber", SH)
    issuers = map(_local_entity, header.items("IssuerOfAccessionNumberSequence"))
    if issuer := next(filter(None, issuers), None):
        ds.IssuerOfAccessionNumberSequence = [issuer]
    ds.ReferringPhysicianName = header.name("ReferringPhysicianName")
    if description := header.text("StudyDescription", LO):
        ds.StudyDescription = description


def _universal_entity(header: Header) -> Dataset:
    """Return the universal identifier of an authority, or an empty item if incomplete."""
    item = Dataset()
    identifier = header.text("UniversalEntityID", UT)
    types = header.codes("UniversalEntityIDType")
    if identifier and len(types) == 1:
        item.UniversalEntityID = identifier
        item.UniversalEntityIDType = types[0]
    return item


def _local_entity(header: Header) -> Dataset:
    """Return the universal and local identifiers of an assigning authority."""
    item = _universal_entity(header)
    if local := header.text("LocalNamespaceEntityID", ST):
        item.LocalNamespaceEntityID = local
    return item


def _add_equipment(ds: Dataset, context: ResultContext) -> None:
    """Add General Equipment, and the model as Contributing Equipment (IHE AI Results)."""
    model = context.verdict.model
    versions = [fit(context.settings.software_version), fit(f"{model.name} {model.version}")]
    ds.Manufacturer = OWN_MANUFACTURER
    ds.ManufacturerModelName = PRODUCT
    ds.DeviceSerialNumber = fit(model.digest)
    ds.SoftwareVersions = versions
    item = ContributingEquipment(
        manufacturer=OWN_MANUFACTURER,
        purpose_of_reference=codes.PROCESSING_EQUIPMENT,
        manufacturer_model_name=fit(model.name),
        software_versions=fit(model.version),
        device_serial_number=fit(model.digest),
        contribution_description="Scored the radiograph for osteoporosis",
    )
    item.DeviceUID = device_uid(model.digest)
    ds.ContributingEquipmentSequence = [item]


def fit(text: str, length: int = LO) -> str:
    """Return text as one DICOM value: white space collapsed, no backslash, cut to `length`."""
    return " ".join(text.replace("\\", "/").split())[:length].rstrip()
