"""What both results share: patient, study, order, series, equipment and SOP common attributes.

An envelope is a data set of its own in ISO_IR 192 (UTF-8). It borrows values from the film, never
elements, so that no later change can reach the film's header.
"""

from highdicom import ContributingEquipment
from pydicom import Dataset

from node.domain.admission.header_rules import OWN_MANUFACTURER
from node.domain.sop_class import SopClass
from node.results import codes
from node.results.film_header import CS, LO, SH, ST, UT, Header
from node.results.result_context import Subject
from node.results.uids import device_uid

PRODUCT = "OsteoScreen"

# An SR must state its date (Type 1 in C.17.2), even of a film that states none.
_NO_DATE, _NO_TIME = "19000101", "000000"
_MOMENTS = (
    ("AcquisitionDate", "AcquisitionTime"),
    ("ContentDate", "ContentTime"),
    ("SeriesDate", "SeriesTime"),
    ("StudyDate", "StudyTime"),
)


def read(subject: Subject) -> Header:
    """Return the reader of a subject's header."""
    return Header.of(subject.source, subject.settings.assume_charset)


def envelope(subject: Subject, header: Header, sop_class: SopClass, sop_uid: str) -> Dataset:
    """Return the attributes of a result that do not depend on its kind of content."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = str(sop_class)
    ds.SOPInstanceUID = sop_uid
    ds.InstanceNumber = 1
    ds.ContentDate, ds.ContentTime = moment(header)
    if timezone := header.timezone():
        ds.TimezoneOffsetFromUTC = timezone
    _add_patient(ds, header)
    _add_study(ds, header, subject.film.study_instance_uid)
    _add_equipment(ds, subject)
    return ds


def moment(header: Header) -> tuple[str, str]:
    """Return the Content Date and Content Time of a result: the film's own.

    The clock would make each attempt's bytes differ under one UID, so the time at which a
    result was computed is nowhere in it; the job table and the PACS record that.
    """
    for date_keyword, time_keyword in _MOMENTS:
        if date := header.date(date_keyword):
            return date, header.time(time_keyword) or _NO_TIME
    return _NO_DATE, _NO_TIME


def add_series(ds: Dataset, modality: str, number: int, description: str, uid: str) -> None:
    """Add the General Series attributes (PS3.3, C.7.3.1)."""
    ds.Modality = modality
    ds.SeriesInstanceUID = uid
    ds.SeriesNumber = number
    ds.SeriesDescription = description


def requests(header: Header, study_uid: str) -> list[Dataset]:
    """Return Referenced Request Sequence (PS3.3, C.17.2), by which a report finds its order."""
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
    qualifiers = [_entity(item) for item in header.items("IssuerOfPatientIDQualifiersSequence")]
    if any(qualifiers):
        ds.IssuerOfPatientIDQualifiersSequence = [item for item in qualifiers if item][:1]
    if age := header.age("PatientAge"):
        ds.PatientAge = age
    method = header.text("DeidentificationMethod", LO)
    if method and header.codes("PatientIdentityRemoved") == ["YES"]:
        ds.PatientIdentityRemoved = "YES"
        ds.DeidentificationMethod = method


def _add_study(ds: Dataset, header: Header, study_uid: str) -> None:
    """Add the General Study attributes (PS3.3, C.7.2.1); the UID as the film states it."""
    ds.StudyInstanceUID = study_uid
    ds.StudyDate = header.date("StudyDate")
    ds.StudyTime = header.time("StudyTime")
    ds.StudyID = header.text("StudyID", SH)
    ds.AccessionNumber = header.text("AccessionNumber", SH)
    issuers = [_local_entity(item) for item in header.items("IssuerOfAccessionNumberSequence")]
    if any(issuers):
        ds.IssuerOfAccessionNumberSequence = [item for item in issuers if item][:1]
    ds.ReferringPhysicianName = header.name("ReferringPhysicianName")
    if description := header.text("StudyDescription", LO):
        ds.StudyDescription = description


def _entity(header: Header) -> Dataset:
    """Return the universal identifier of an assigning authority, empty where it is incomplete."""
    item = Dataset()
    identifier = header.text("UniversalEntityID", UT)
    kind = header.codes("UniversalEntityIDType")
    if identifier and len(kind) == 1:
        item.UniversalEntityID = identifier
        item.UniversalEntityIDType = kind[0]
    return item


def _local_entity(header: Header) -> Dataset:
    item = _entity(header)
    if local := header.text("LocalNamespaceEntityID", ST):
        item.LocalNamespaceEntityID = local
    return item


def _add_equipment(ds: Dataset, subject: Subject) -> None:
    """Add General Equipment, and the model as Contributing Equipment as IHE AI Results asks."""
    model = subject.verdict.model
    versions = [fit(subject.settings.software_version), fit(f"{model.name} {model.version}")]
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
    """Return text that is one value of a short VR: printable, no backslash, cut to length."""
    return " ".join(text.replace("\\", "/").split())[:length].rstrip()
