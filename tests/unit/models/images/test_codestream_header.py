"""Size and components of a codestream are checked before it is decoded."""

import struct
from io import BytesIO

import pytest
from pydicom import dcmread, uid
from pydicom.encaps import encapsulate, get_frame

from models.images.codestream_header import AnnouncedImage, announced_images, is_cut_short
from models.images.dicom import PixelError, read_radiograph
from tests.fuzz.corpus import SIDE, film

JPEG = (
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
)
JPEG_2000 = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless)


def codestream_of(syntax: str, colour: bool = False) -> bytes:
    ds = dcmread(BytesIO(film(syntax, 8, colour)))
    return get_frame(ds.PixelData, 0, number_of_frames=1)


def decode(syntax: str, codestream: bytes) -> None:
    ds = dcmread(BytesIO(film(syntax, 8)))
    ds.PixelData = encapsulate([codestream])
    read_radiograph(ds)


def with_sizes(codestream: bytes, syntax: str, side: int) -> bytes:
    """Return the codestream with another height and width in its header."""
    if syntax in JPEG_2000:
        return codestream.replace(struct.pack(">LL", SIDE, SIDE), struct.pack(">LL", side, side))
    return codestream.replace(struct.pack(">HH", SIDE, SIDE), struct.pack(">HH", side, side), 1)


@pytest.mark.parametrize("syntax", [*JPEG, *JPEG_2000])
class TestEveryCodestream:
    def test_size_and_components_are_read(self, syntax: str) -> None:
        """The header states one grey image with the size of the film."""
        assert announced_images(codestream_of(syntax)) == [AnnouncedImage(SIDE, SIDE, 1)]

    def test_a_codestream_larger_than_its_header_is_not_decoded(self, syntax: str) -> None:
        """The decoder must not allocate memory for 60,000 x 60,000 pixels."""
        enlarged = with_sizes(codestream_of(syntax), syntax, 60000)
        with pytest.raises(
            PixelError, match="holds 60000 x 60000 pixels, the header states 40 x 40"
        ):
            decode(syntax, enlarged)


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.JPEGBaseline8Bit])
def test_a_colour_codestream_in_a_grey_film_is_not_decoded(syntax: str) -> None:
    """GDCM ends its process on such a film."""
    with pytest.raises(PixelError, match="has 3 samples a pixel, the header states 1"):
        decode(syntax, codestream_of(syntax, colour=True))


def test_sizes_beyond_16_bits_are_read() -> None:
    """JPEG-LS states such sizes in a separate segment, and zero in the frame header."""
    extension = struct.pack(">HHBBLL", 0xFFF8, 12, 4, 4, 70000, 80000)
    frame = struct.pack(">HHBHHBBBB", 0xFFF7, 11, 8, 0, 0, 1, 1, 0x11, 0)
    content = b"\xff\xd8" + extension + frame + b"\xff\xda"
    assert announced_images(content + bytes(9)) == [
        AnnouncedImage(70000, 80000, None),
        AnnouncedImage(0, 0, 1),
    ]


def test_truncated_jpeg_ls_is_not_decoded() -> None:
    """CharLS can need seconds to refuse a codestream without its end."""
    complete = codestream_of(uid.JPEGLSLossless)
    assert not is_cut_short(complete)
    with pytest.raises(PixelError, match="the codestream has no end"):
        decode(uid.JPEGLSLossless, complete[:-40])


@pytest.mark.parametrize("content", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff\xc0\x00", b"?" * 99])
def test_other_content_gives_no_size(content: bytes) -> None:
    """The decoder, not the size check, refuses such content."""
    assert announced_images(content) == []


def test_a_panic_of_a_decoder_gives_a_pixel_error() -> None:
    """A Rust panic is not an Exception, so it could end the decoder process."""
    ds = dcmread(BytesIO(film(uid.RLELossless, 12)))
    content = get_frame(ds.PixelData, 0, number_of_frames=1)
    (second,) = struct.unpack_from("<L", content, 8)
    runs = (b"\x7f" + bytes(128)) * 14  # more pixels than the film has
    ds.PixelData = encapsulate([content[:second] + runs])
    with pytest.raises(PixelError, match="do not decode from RLE Lossless"):
        read_radiograph(ds)
