"""Build the content tree of a report by TID 1500 of PS3.16 (Imaging Measurement Report).

Only positive reports contain Finding (121071), because viewers would list "Osteoporosis" for a
negative film. Measurements have no child items, because OHIF would then drop their names.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from highdicom import sr
from highdicom.sr import RelationshipTypeValues as Relationship
from pydicom import Dataset
from pydicom.sr.coding import Code

from models.images.radiograph import FieldOfView
from node.domain.admission.header_rules import OWN_MANUFACTURER
from node.domain.decision.prediction import Decision, Finding, Verdict
from node.results import codes
from node.results.common_modules import PRODUCT, fit
from node.results.film_header import Header
from node.results.result_context import ResultContext
from node.results.uids import device_uid
from node.results.wording import comment, percentages

_ORIENTATIONS = frozenset("APRLHF")
_ORIENTATION_CODES = (codes.PATIENT_ORIENTATION_ROW, codes.PATIENT_ORIENTATION_COLUMN)
_SPACING_CODES = (codes.HORIZONTAL_PIXEL_SPACING, codes.VERTICAL_PIXEL_SPACING)
_MAX_SPACING_MM = 10.0
_TRACKING_IDENTIFIER = "Osteoporosis screening"


def build_content(
    context: ResultContext, header: Header, outline: np.ndarray, heatmap: Dataset | None
) -> sr.ContainerContentItem:
    """Return the root of the tree; `outline` contains column and row of each point."""
    measurements = _measurement_group(context, outline, heatmap)
    return container(
        codes.IMAGING_MEASUREMENT_REPORT,
        [
            *document_context(context),
            _image_library(context, header),
            container(codes.IMAGING_MEASUREMENTS, measurements),
        ],
        template="1500",
    )


def container(
    name: Code,
    items: Sequence[sr.ContentItem] | sr.ContentSequence,
    template: str | None = None,
) -> sr.ContainerContentItem:
    """Return a container with its items; only the root has a `template`."""
    relationship = None if template else Relationship.CONTAINS
    item = sr.ContainerContentItem(name, template_id=template, relationship_type=relationship)
    item.ContentSequence = sr.ContentSequence(items)
    return item


def document_context(context: ResultContext) -> list[sr.ContentItem]:
    """Return the items for language, observer and procedure (TID 1204, 1001, 1500)."""
    language = sr.CodedConcept(context.phrases.tag, codes.LANGUAGES, context.phrases.name)
    return [
        *sr.LanguageOfContentItemAndDescendants(language),
        *_observer(context.verdict),
        sr.CodeContentItem(
            codes.PROCEDURE_REPORTED, codes.IMAGING_PROCEDURE, Relationship.HAS_CONCEPT_MOD
        ),
    ]


def outline_of(field: FieldOfView | None, size: tuple[int, int]) -> np.ndarray:
    """Return the closed outline of a field, clipped to a film of (rows, columns).

    Coordinates are (column, row), and the outer edge of the first pixel is 0 (PS3.3, C.18.6.1). If
    `field` is None, the film's outline is returned, because viewers require an outline.
    """
    rows, columns = size
    top, left, bottom, right = 0.0, 0.0, float(rows), float(columns)
    if field is not None:
        clipped = (
            max(top, field.top),
            max(left, field.left),
            min(bottom, field.top + field.height),
            min(right, field.left + field.width),
        )
        if clipped[0] < clipped[2] and clipped[1] < clipped[3]:
            top, left, bottom, right = clipped
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return np.array(corners, dtype=np.float32)


def _observer(verdict: Verdict) -> sr.ObserverContext:
    """Return the model as device observer (TID 1002 and 1004)."""
    model = verdict.model
    return sr.ObserverContext(
        observer_type=sr.CodedConcept.from_code(codes.DEVICE),
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=device_uid(model.digest),
            name=PRODUCT,
            manufacturer_name=OWN_MANUFACTURER,
            model_name=fit(f"{model.name} {model.version}"),
            serial_number=fit(model.digest),
        ),
    )


def _image_library(context: ResultContext, header: Header) -> sr.ContainerContentItem:
    """Return the Image Library (TID 1600) with the film and its descriptors."""
    film = sr.ImageContentItem(
        name=codes.SOURCE,
        referenced_sop_class_uid=context.film.sop_class_uid,
        referenced_sop_instance_uid=context.film.sop_instance_uid,
        relationship_type=Relationship.CONTAINS,
    )
    film.ContentSequence = sr.ContentSequence([*_descriptors(context, header)])
    return container(codes.IMAGE_LIBRARY, [container(codes.IMAGE_LIBRARY_GROUP, [film])])


def _descriptors(context: ResultContext, header: Header) -> Iterator[sr.ContentItem]:
    """Yield the descriptors of a radiograph (TID 1602 and 1603) that the header contains."""
    acquired = Relationship.HAS_ACQ_CONTEXT
    if modality := codes.MODALITIES.get(context.film.modality):
        yield sr.CodeContentItem(codes.MODALITY, modality, acquired)
    if frame_of_reference := header.uid("FrameOfReferenceUID"):
        yield sr.UIDRefContentItem(codes.FRAME_OF_REFERENCE_UID, frame_of_reference, acquired)
    rows, columns = context.size
    yield sr.NumContentItem(codes.PIXEL_DATA_ROWS, rows, codes.PIXELS, relationship_type=acquired)
    yield sr.NumContentItem(
        codes.PIXEL_DATA_COLUMNS, columns, codes.PIXELS, relationship_type=acquired
    )
    for name, direction in zip(_ORIENTATION_CODES, patient_orientation(header), strict=False):
        yield sr.TextContentItem(name, direction, acquired)
    spacing = header.positive_numbers("ImagerPixelSpacing")
    if len(spacing) == 2 and max(spacing) < _MAX_SPACING_MM:
        # The header contains the row spacing first, the template requires the column spacing first.
        for name, value in zip(_SPACING_CODES, reversed(spacing), strict=True):
            yield sr.NumContentItem(name, value, codes.MILLIMETRE, relationship_type=acquired)


def patient_orientation(header: Header) -> list[str]:
    """Return the two directions of Patient Orientation, or [] if a direction is invalid."""
    values = header.codes("PatientOrientation")
    directions = [value for value in values if value and _ORIENTATIONS.issuperset(value)]
    return directions if len(values) == len(directions) == 2 else []


def _measurement_group(
    context: ResultContext, outline: np.ndarray, heatmap: Dataset | None
) -> sr.ContentSequence:
    """Return the measurement group (TID 1410) of the report."""
    verdict = context.verdict
    decision = verdict.decision
    source = sr.SourceImageForRegion(context.film.sop_class_uid, context.film.sop_instance_uid)
    evaluations = [sr.QualitativeEvaluation(codes.OSTEOPOROSIS, codes.PRESENCE[decision.finding])]
    if decision.flagged:  # not repeated if a prior film was flagged
        evaluations.append(sr.QualitativeEvaluation(codes.RECOMMENDED_FOLLOW_UP, codes.DXA))
    group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(context.tracking_uid, _TRACKING_IDENTIFIER),
        referenced_region=sr.ImageRegion("POLYLINE", outline, source),
        finding_type=codes.OSTEOPOROSIS if decision.finding is Finding.PRESENT else None,
        algorithm_id=_algorithm(verdict),
        measurements=_measurements(verdict),
        qualitative_evaluations=evaluations,
    )
    items = group[0].ContentSequence
    items.append(
        sr.TextContentItem(codes.COMMENT, comment(verdict, context.phrases), Relationship.CONTAINS)
    )
    if heatmap is not None:
        items.append(
            sr.ImageContentItem(
                name=codes.GRAD_CAM,
                referenced_sop_class_uid=heatmap.SOPClassUID,
                referenced_sop_instance_uid=heatmap.SOPInstanceUID,
                relationship_type=Relationship.CONTAINS,
            )
        )
    return group


def _algorithm(verdict: Verdict) -> sr.AlgorithmIdentification:
    """Return name, version, parameters and family of the model (TID 4019)."""
    model = verdict.model
    return sr.AlgorithmIdentification(
        name=fit(model.name),
        version=fit(model.version),
        parameters=[
            *_policy_parameters(verdict.decision),
            *_admission_parameters(verdict),
            f"bundle SHA-256 = {fit(model.digest)}",
            f"intended use = {model.intended_use}",
        ],
        family=codes.ARTIFICIAL_INTELLIGENCE,
    )


def _policy_parameters(decision: Decision) -> Iterator[str]:
    """Yield threshold, indeterminate band, rule and digest of the policy."""
    yield f"decision threshold = {decision.threshold:.6g}"
    if decision.band is not None:
        yield f"undetermined from {decision.band[0]:.6g} to below {decision.band[1]:.6g}"
    if decision.rule:
        yield f"decision rule = {fit(decision.rule)}"
    if decision.policy:
        yield f"policy SHA-256 = {fit(decision.policy)}"


def _admission_parameters(verdict: Verdict) -> Iterator[str]:
    """Yield the codes of the refusal reason and of the notes."""
    if verdict.refusal_reason is not None:
        yield f"not analysed = {verdict.refusal_reason}"
    if verdict.notes:
        yield f"notes = {' '.join(verdict.notes)}"


def _measurements(verdict: Verdict) -> list[sr.Measurement]:
    """Return measurements of score and threshold in percent, or [] without a score."""
    if verdict.decision.score is None:
        return []
    score, threshold = percentages(verdict.decision)
    return [
        sr.Measurement(codes.CERTAINTY_OF_FINDING, score, codes.PERCENT),
        sr.Measurement(codes.DECISION_THRESHOLD, threshold, codes.PERCENT),
    ]
