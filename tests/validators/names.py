"""Examples of patient names in several character sets, encoded as modalities encode them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PatientName:
    """A name as bytes, the Specific Character Set of the film, and the decoded name."""

    title: str
    charset: str
    encoded: bytes
    decoded: str
    assume_charset: str = ""


def patient_names() -> list[PatientName]:
    """Return a name in each character set, a name without a set, and a name with a wrong set."""
    chinese, korean, japanese = "王^小东", "홍^길동", "山田^太郎"
    escaped = b"Wang^XiaoDong=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab"
    return [
        PatientName("GB18030", "GB18030", chinese.encode("gb18030"), chinese),
        PatientName("GBK", "GBK", chinese.encode("gbk"), chinese),
        PatientName("ISO 2022 IR 58", "\\ISO 2022 IR 58", escaped, f"Wang^XiaoDong={chinese}"),
        PatientName(
            "ISO 2022 IR 149",
            "\\ISO 2022 IR 149",
            b"Hong^Gildong==" + b"\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            f"Hong^Gildong=={korean}",
        ),
        PatientName(
            "ISO 2022 IR 87",
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            f"Yamada^Tarou={japanese}",
        ),
        PatientName("ISO_IR 100", "ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        PatientName("ISO_IR 192", "ISO_IR 192", chinese.encode(), chinese),
        PatientName("no character set", "", b"Doe^Jane", "Doe^Jane"),
        PatientName(
            "GB18030 declared as ISO_IR 100, assume_charset",
            "ISO_IR 100",
            chinese.encode("gb18030"),
            chinese,
            assume_charset="GB18030",
        ),
    ]
