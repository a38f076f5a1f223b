"""Select the font of the heatmap's legend: a font file, or Pillow's built-in font for English.

For Chinese, the font is a configured file, or Debian's `fonts-noto-cjk` or `fonts-wqy-microhei`.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from PIL import ImageFont

from node.domain.errors import Misconfigured
from node.results.translations.languages import PHRASES, Language

_SYSTEM = (
    # Order of faces in Noto's file: Japanese, Korean, Simplified Chinese, Traditional Chinese.
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
)


@dataclass(frozen=True, slots=True)
class Typeface:
    """A font file and its SHA-256; both are empty for Pillow's built-in font."""

    path: str = ""
    face: int = 0
    digest: str = ""

    def at(self, pixels: int) -> ImageFont.FreeTypeFont:
        """Return the font in this size in pixels."""
        return _load(self.path, self.face, pixels)


BUILT_IN = Typeface()


def typeface_for(language: Language, path: Path | None) -> Typeface:
    """Return the font at `path`, or a system font for the language, or raise Misconfigured."""
    if path is not None:
        return _open_font(path, 0, language)
    if language is Language.ENGLISH:
        return BUILT_IN
    for name, face in _SYSTEM:
        if Path(name).is_file():
            return _open_font(Path(name), face, language)
    raise Misconfigured(
        f"results.language {language} needs a font with its glyphs: run apt-get install "
        "fonts-noto-cjk, or name a font file in results.font"
    )


def _open_font(path: Path, face: int, language: Language) -> Typeface:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        typeface = Typeface(str(path), face, digest)
        missing = _missing_glyphs(typeface.at(32), PHRASES[language].legend_texts())
    except OSError as error:
        raise Misconfigured(
            f"results.font {path} cannot be read as a font ({error}); name a TrueType or OpenType "
            "file"
        ) from None
    if missing:
        raise Misconfigured(
            f"results.font {path} has no glyph for {missing[:12]} of {language}; name a font that "
            "has them, for example from Debian's fonts-noto-cjk"
        )
    return typeface


def _missing_glyphs(font: ImageFont.FreeTypeFont, text: str) -> str:
    """Return the characters of a text for which the font draws its placeholder glyph."""
    placeholder = bytes(font.getmask("\U0010fffe"))
    characters = [character for character in dict.fromkeys(text) if not character.isspace()]
    return "".join(c for c in characters if bytes(font.getmask(c)) == placeholder)


@cache
def _load(path: str, face: int, pixels: int) -> ImageFont.FreeTypeFont:
    if path:
        return ImageFont.truetype(path, pixels, index=face)
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(pixels))
