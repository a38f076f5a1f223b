"""Recognise images that were made from films and must not be scored.

The first two values of Image Type are ignored, because modalities write DERIVED for every processed
film. The further values, Series Description and Derivation Description are evaluated.
"""

from collections.abc import Iterable
from enum import StrEnum

from node.domain.radiograph.vocabulary import build_lexicon, meanings_in


class Derivation(StrEnum):
    """The kind of a derived image, as a phrase that follows the words "the object is"."""

    BONE_SUPPRESSED = "a film whose bones were suppressed"
    DUAL_ENERGY = "an image of a dual-energy or subtraction pair"
    COMPANION = "a companion image, enhanced for tubes, lines or pneumothorax"
    OVERLAY = "another program's result, or a film with its marks"
    HEATMAP = "a heatmap"
    TOMOSYNTHESIS = "an image of a tomosynthesis"
    STITCHED = "stitched together from several films"
    RECONSTRUCTED = "reconstructed from slices"
    LOCALIZER = "a localiser"
    CAPTURE = "a capture of a screen"
    DOCUMENT = "a document or an examination's protocol"
    DIGITISED = "a digitised print of a film"


_WORDS = {
    Derivation.BONE_SUPPRESSED: (
        "bone suppressed, bone suppression, bone suppr, bones suppressed, rib suppression, "
        "rib suppressed, bone subtraction, bone subtracted, bone removed, softview, "
        "knochenunterdruckung, knochenunterdrueckung, suppression osseuse, 骨抑制, 骨减影, 骨減影"
    ),
    Derivation.DUAL_ENERGY: (
        "dual energy, dualenergy, soft tissue image, soft tissue only, "
        "bone image, bone only, low energy, high energy, subtraction, subtracted, "
        "temporal subtraction, weichteilbild, knochenbild, double energie, 双能, 双能量, 双能减影, "
        "软组织像, 骨像, エネルギーサブトラクション"
    ),
    Derivation.COMPANION: (
        "companion view, companion image, tube and line, tube line visualization, "
        "line enhanced, pneumothorax visualization, ptx visualization"
    ),
    Derivation.OVERLAY: (
        "cad, cad result, cad overlay, cad marks, computer aided detection, "
        "computer aided diagnosis, overlay, annotated, ai result, ai results, ai overlay, "
        "ai analysis, ai output"
    ),
    Derivation.HEATMAP: (
        "heatmap, heat map, saliency, saliency map, grad cam, gradcam, probability map, 热图, "
        "热力图, ヒートマップ"
    ),
    Derivation.TOMOSYNTHESIS: (
        "tomosynthesis, tomosynthese, tomosintesis, tomosintesi, tomossintese, tomo, dts, "
        "断层融合, 体层合成, トモシンセシス"
    ),
    Derivation.STITCHED: (
        "stitched, stitch, stitching, image stitching, long length, full spine, full leg, "
        "拼接, 全脊柱拼接"
    ),
    Derivation.RECONSTRUCTED: (
        "mpr, mip, minip, drr, digitally reconstructed radiograph, reformat, reformatted, "
        "volume rendering, volume rendered, vrt"
    ),
    Derivation.LOCALIZER: (
        "localizer, localiser, lokalizer, scout, topogram, topogramm, surview, scanogram, 定位像"
    ),
    Derivation.CAPTURE: (
        "screen save, screensave, screen capture, screencapture, screenshot, screen shot, "
        "screen dump, 截屏, 截图"
    ),
    Derivation.DOCUMENT: (
        "patient protocol, exam protocol, examination protocol, study protocol, dose report, "
        "dose info, dose sheet, patientenprotokoll, dosisprotokoll, scanned document, "
        "scanned documents, requisition, consent form, cover sheet, 申请单, 剂量报告"
    ),
    Derivation.DIGITISED: "scanned film, scanned films, film scan, digitized film, digitised film",
}
# The standard film of a dual-energy exposure is an original film.
_IGNORED_PHRASES = (
    "dual energy standard, dual energy std, standard dual energy, bone suppression off"
)
_LEXICON = build_lexicon(_WORDS, _IGNORED_PHRASES)


def derivation_of(texts: Iterable[str]) -> Derivation | None:
    """Return the derivation that the first matching text names, or None for an original film."""
    return next((kind for text in texts for kind in meanings_in(text, _LEXICON)), None)
