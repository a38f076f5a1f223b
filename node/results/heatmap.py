"""The heatmap: an RGB Secondary Capture Image of one scored film (PS3.3, A.8.1).

A Parametric Map requires a geometry that films lack. With the Modality OT, hanging protocols do not
display the heatmap in place of the film.
"""

from pydicom import Dataset
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
)
from pydicom.valuerep import format_number_as_ds

from models.bundle.intended_use import IntendedUse
from node.domain.decision.prediction import Prediction
from node.domain.radiograph.film import Film
from node.domain.sop_class import SopClass
from node.domain.workflow.delivery import ResultKind
from node.results import codes
from node.results.common_modules import read_header, start_result
from node.results.film_header import SH, Header
from node.results.heatmap_image import Canvas, Rgb, render
from node.results.heatmap_legend import Legend
from node.results.result_context import ResultContext
from node.results.sr_content import patient_orientation
from node.results.translations.languages import translate
from node.results.wording import headline, model_line, percentages

_DERIVATION = "Grad-CAM of the model's score in colour over the film, with a legend below"
_MAX_ASPECT = 4.0

# For each lossy transfer syntax: the defined term of Lossy Image Compression Method (C.7.6.1.1.5),
# and the bytes of an uncompressed pixel.
_LOSSY = {
    JPEGBaseline8Bit: ("ISO_10918_1", 1),
    JPEGExtended12Bit: ("ISO_10918_1", 2),
    JPEGLSNearLossless: ("ISO_14495_1", 2),
    JPEG2000: ("ISO_15444_1", 2),
    HTJ2K: ("ISO_15444_15", 2),
}
_LOSSY_OR_LOSSLESS = (JPEG2000, HTJ2K)


def build_heatmap(context: ResultContext, prediction: Prediction) -> Dataset:
    """Return the heatmap of a film; raise ValueError for a film without an image score."""
    if not context.verdict.decision.has_heatmap:
        raise ValueError("a film without an image score has no heatmap")
    header = read_header(context)
    canvas = Canvas(context.settings.heatmap_max_side, _aspect(header))
    picture = render(prediction.grey, prediction.heat, legend_of(context), canvas)
    ds = start_result(context, header, ResultKind.HEATMAP, SopClass.SECONDARY_CAPTURE)
    _add_image(ds, context.film, header)
    _add_lossy_compression(ds, context.film, header)
    _add_pixels(ds, picture)
    translate(ds, context.phrases)
    return ds


def legend_of(context: ResultContext) -> Legend:
    """Return the legend of a scored film."""
    verdict, phrases = context.verdict, context.phrases
    score, threshold = percentages(verdict.decision)
    use = verdict.model.intended_use
    return Legend(
        headline=headline(verdict.decision, phrases),
        score=score,
        threshold=threshold,
        model=model_line(verdict, context.settings.software_version, phrases),
        warning="" if use is IntendedUse.CLEARED else phrases.not_for_diagnosis,
        note=phrases.demonstration_short if use is IntendedUse.DEMONSTRATION else "",
        phrases=phrases,
        typeface=context.settings.typeface,
    )


def _add_image(ds: Dataset, film: Film, header: Header) -> None:
    """Add General Image, SC Equipment and references to film and order (C.7.6.1, C.8.6.1).

    Pixel spacing, view position and frame of reference are omitted, because the legend changes
    the geometry. Without Body Part Examined, Laterality would be required.
    """
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.ConversionType = "SYN"
    ds.BodyPartExamined = "CHEST"
    ds.PatientOrientation = patient_orientation(header)
    ds.BurnedInAnnotation = "YES"
    ds.DerivationDescription = _DERIVATION
    source = Dataset()
    source.ReferencedSOPClassUID = film.sop_class_uid
    source.ReferencedSOPInstanceUID = film.sop_instance_uid
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator, purpose.CodeMeaning = codes.SOURCE_IMAGE[:3]
    source.PurposeOfReferenceCodeSequence = [purpose]
    ds.SourceImageSequence = [source]
    if requests := _request_attributes(header):
        ds.RequestAttributesSequence = requests


def _request_attributes(header: Header) -> list[Dataset]:
    """Return the Request Attributes Sequence (C.7.3.1), without items that lack an identifier."""
    items = []
    for request in header.items("RequestAttributesSequence"):
        item = Dataset()
        for keyword in ("RequestedProcedureID", "ScheduledProcedureStepID"):
            if value := request.text(keyword, SH):
                setattr(item, keyword, value)
        if item:
            items.append(item)
    return items


def _add_lossy_compression(ds: Dataset, film: Film, header: Header) -> None:
    """Add the film's lossy compression, which derived images must state (C.7.6.1.1.5)."""
    stated = header.codes("LossyImageCompression")
    syntax = UID(film.transfer_syntax_uid)
    method, depth = _LOSSY.get(syntax, ("", 0))
    if stated == ["00"] and syntax in _LOSSY_OR_LOSSLESS:
        return
    if stated != ["01"] and not method:
        return
    ds.LossyImageCompression = "01"
    methods = header.codes("LossyImageCompressionMethod") or ([method] if method else [])
    ratios = header.positive_numbers("LossyImageCompressionRatio")
    if not ratios and method and film.size:
        rows, columns = film.rows or 0, film.columns or 0
        ratios = [max(1.0, round(rows * columns * depth / film.size, 2))]
    if methods:
        ds.LossyImageCompressionMethod = methods
    if ratios:
        ds.LossyImageCompressionRatio = [format_number_as_ds(ratio) for ratio in ratios]


def _add_pixels(ds: Dataset, picture: Rgb) -> None:
    """Add the Image Pixel attributes (C.7.6.3) of an RGB picture."""
    ds.SamplesPerPixel = 3
    ds.PhotometricInterpretation = "RGB"
    ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = picture.shape[:2]
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelRepresentation = 0
    pixels = picture.tobytes()
    ds.PixelData = pixels + b"\x00" * (len(pixels) % 2)
    ds["PixelData"].VR = "OB"


def _aspect(header: Header) -> float:
    """Return row spacing divided by column spacing, or 1 without a ratio from 1/4 to 4."""
    for keyword in ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing"):
        values = header.positive_numbers(keyword)
        if len(values) == 2:
            aspect = values[0] / values[1]
            return aspect if 1 / _MAX_ASPECT <= aspect <= _MAX_ASPECT else 1.0
    return 1.0
