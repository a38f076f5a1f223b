"""Values that have broken programs which believed them."""

from random import Random

HOSTILE = (
    b"",
    b" ",
    b"\0",
    b"../../../../etc/passwd",
    b"/etc/passwd\0.dcm",
    b"..\\..\\windows\\system32",
    b"C:\\Windows",
    b"file:///dev/zero",
    b"'; DROP TABLE job; --",
    b'" OR 1=1 --',
    b"%s%s%s%n%n%x",
    b"{0.__class__.__mro__}",
    b"${jndi:ldap://127.0.0.1/a}",
    b"{{7*7}}",
    b"$(touch /tmp/owned)",
    b"`id`",
    b"<script>alert(1)</script>",
    b"<img src=x onerror=alert(1)>",
    b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
    b"]]>",
    b"a\r\nSet-Cookie: b=c\r\n\r\n",
    b'{"event": "forged"}\n{"event": "forged"}',
    b"\x1b[2J\x1b]0;owned\x07",
    b"\x9b2J",
    b"\x1b$B\x1b(J\x1b)I\x1b$)C\x1b-F",
    b"\x1b$",
    b"\xff\xfe\xfd",
    b"\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80",
    "\u202etxt.exe\u2066\u200b\ufeff".encode(),
    "\U0001d56f^\U0001f9b4=\u9aa8^\u8cea=\u3053\u3064".encode(),
    "Doe\u0301".encode() + "\u0301".encode() * 200,
    b"\x81\x5c\x81\x5c^\x83\x5c",
    b"=cmd|' /C calc'!A0",
    b"\\" * 200,
    b"^" * 200,
    b"=" * 200,
    b"^=^=^=^\\^=^=",
    b"nan",
    b"inf",
    b"-0",
    b"1e400",
    b"-1e-400",
    b"9" * 400,
    b"0x10",
    b"1_000",
    "\u0661\u0662\u0663".encode(),
    b"2147483648",
    b"-2147483649",
    b"99999999",
    b"00000000",
    b"20249999",
    b"19000229",
    b"0000.00.00",
    b"250000",
    b"240000.999999",
    b"+9999",
    b"000Y",
    b"999Y",
    b"1." + b"2" * 70,
    b"1..2.",
    b".",
    b"1.2.840.10008.1.2.1.99",
    b"YES",
    b"A" * 65534,
    b"\xe9" * 65534,
    ("骨" * 21844).encode(),
    b"A\\" * 32767,
)
"""Paths, queries, formats, markup, escapes, numbers, dates and lengths."""

CHARSETS = (
    b"",
    b"ISO_IR 100",
    b"ISO_IR 192",
    b"GB18030",
    b"GBK",
    b"\\ISO 2022 IR 87",
    b"\\ISO 2022 IR 149",
    b"\\ISO 2022 IR 58",
    b"ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159",
    b"ISO_IR 13",
    b"ISO_IR 166",
    b"ISO-IR 100",
    b"utf8",
    b"rot13",
    b"idna",
    b"unicode_escape",
    b"ISO_IR 192\\ISO_IR 192\\GB18030",
    b"\\" * 50,
    b"\xff\xff",
)
"""Specific Character Sets: the standard's, and what should be none."""


def text(rnd: Random) -> bytes:
    """Return a hostile value: one as it stands, two joined, or noise."""
    kind = rnd.randrange(10)
    if kind < 7:
        return rnd.choice(HOSTILE)
    if kind < 9:
        return rnd.choice(HOSTILE) + rnd.choice(HOSTILE)[:200]
    return rnd.randbytes(rnd.randrange(64))
