"""Typefaces for the heatmap's legend: Pillow's own, or one on this machine that has the glyphs.

No font lies in the tree. Chinese takes one from the system: Debian's `fonts-noto-cjk` and
`fonts-wqy-microhei` are looked for, and any other can be named in the configuration.
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
    # In Noto's collection the faces are Japanese, Korean, Simplified Chinese, Traditional Chinese.
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
)


@dataclass(frozen=True, slots=True)
class Typeface:
    """A font file, and its SHA-256, since other glyphs make another picture. Empty: Pillow's."""

    path: str = ""
    face: int = 0
    digest: str = ""

    def at(self, pixels: int) -> ImageFont.FreeTypeFont:
        """Return the typeface in this size."""
        return _load(self.path, self.face, pixels)


BUILT_IN = Typeface()


def typeface_for(language: Language, path: Path | None) -> Typeface:
    """Return the font at `path`, else one that has the language's glyphs. Raises Misconfigured."""
    if path is not None:
        return _opened(path, 0, language)
    if language is Language.ENGLISH:
        return BUILT_IN
    for name, face in _SYSTEM:
        if Path(name).is_file():
            return _opened(Path(name), face, language)
    raise Misconfigured(
        f"results.language {language} needs a font that has its glyphs: "
        "apt-get install fonts-noto-cjk, or name a font file in results.font"
    )


def _opened(path: Path, face: int, language: Language) -> Typeface:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found = Typeface(str(path), face, digest)
        lacking = _lacking(found.at(32), PHRASES[language].legend_texts())
    except OSError as error:
        raise Misconfigured(f"results.font {path} cannot be read as a font ({error})") from None
    if lacking:
        raise Misconfigured(
            f"results.font {path} has no glyph for {lacking[:12]} of {language}; name a font that "
            "has, such as one of Debian's fonts-noto-cjk"
        )
    return found


def _lacking(font: ImageFont.FreeTypeFont, text: str) -> str:
    """Return the characters of a text that the font shows as it shows what no font has."""
    nothing = bytes(font.getmask("\U0010fffe"))
    signs = [sign for sign in dict.fromkeys(text) if not sign.isspace()]
    return "".join(sign for sign in signs if bytes(font.getmask(sign)) == nothing)


@cache
def _load(path: str, face: int, pixels: int) -> ImageFont.FreeTypeFont:
    if path:
        return ImageFont.truetype(path, pixels, index=face)
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(pixels))
