"""Small films in every transfer syntax that the node accepts are made when first used."""

from functools import cache

from pydicom import uid

from node.ingest.scp import TRANSFER_SYNTAXES
from tests.support.films import make_film, part10_bytes

SIDE = 40
_COLOUR_SYNTAXES = (
    uid.ExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
)
# The node refuses JPEG Extended films with 12 bits, because none of its decoders reads them.
_8_BITS_ONLY = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)


@cache
def films() -> tuple[bytes, ...]:
    """Return a file for each transfer syntax with 8 and 12 bits, and files of colour images."""
    return (
        *(film(syntax, 8) for syntax in TRANSFER_SYNTAXES),
        *(film(syntax, 12) for syntax in TRANSFER_SYNTAXES if syntax not in _8_BITS_ONLY),
        *(film(syntax, 8, colour=True) for syntax in _COLOUR_SYNTAXES),
    )


def film(syntax: str, bits: int, colour: bool = False) -> bytes:
    """Return the file of one film, which has fixed UIDs."""
    ds = make_film(
        syntax=syntax,
        side=SIDE,
        bits=bits,
        colour=colour,
        SOPInstanceUID="1.2.3.4",
        StudyInstanceUID="1.2.3.5",
        SeriesInstanceUID="1.2.3.6",
        PixelSpacing=[0.2, 0.2],
        RescaleSlope=1,
        RescaleIntercept=0,
        WindowCenter=2 ** (bits - 1),
        WindowWidth=2**bits,
    )
    return part10_bytes(ds)
