"""Patients' names as modalities write them: the character sets, well used and badly."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """A patient's name: `encoded` in `charset`, as Specific Character Set says, and as `shown`."""

    title: str
    charset: str
    encoded: bytes
    shown: str
    assume_charset: str = ""


def names() -> list[Name]:
    """Return a name in every character set, and one in another set than it says."""
    chinese, korean, japanese = "王^小东", "홍^길동", "山田^太郎"
    escaped = b"Wang^XiaoDong=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab"
    return [
        Name("GB18030", "GB18030", chinese.encode("gb18030"), chinese),
        Name("GBK", "GBK", chinese.encode("gbk"), chinese),
        Name("ISO 2022 IR 58", "\\ISO 2022 IR 58", escaped, f"Wang^XiaoDong={chinese}"),
        Name(
            "ISO 2022 IR 149",
            "\\ISO 2022 IR 149",
            b"Hong^Gildong==" + b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            f"Hong^Gildong=={korean}",
        ),
        Name(
            "ISO 2022 IR 87",
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            f"Yamada^Tarou={japanese}",
        ),
        Name("ISO_IR 100", "ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        Name("ISO_IR 192", "ISO_IR 192", chinese.encode(), chinese),
        Name("none stated", "", b"Doe^Jane", "Doe^Jane"),
        Name(
            "GB18030 said to be ISO_IR 100, assume_charset",
            "ISO_IR 100",
            chinese.encode("gb18030"),
            chinese,
            assume_charset="GB18030",
        ),
    ]
