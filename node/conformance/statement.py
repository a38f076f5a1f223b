"""The DICOM Conformance Statement (PS3.2), from the configuration and the tables of the code."""

from importlib.metadata import version

from pydicom.charset import python_encoding

from node.audit.syslog_line import MAX_LINE, MSGID
from node.config.settings import Config
from node.conformance.annexes import annexes
from node.conformance.blocks import Section, Table, to_html, to_markdown
from node.conformance.network import networking, services
from node.results.common_modules import PRODUCT
from node.results.translations.languages import PHRASES, Language


def markdown(config: Config) -> str:
    """Return the statement in Markdown."""
    return to_markdown(_title(), _sections(config))


def html(config: Config) -> str:
    """Return the statement as an HTML page."""
    return to_html(_title(), markdown(config))


def _title() -> str:
    return f"{PRODUCT} {version('osteoscreen')}: DICOM Conformance Statement"


def _sections(config: Config) -> tuple[Section, ...]:
    return (
        Section(
            "Conformance Statement Overview",
            (
                f"{PRODUCT} receives chest radiographs, scores them for osteoporosis, and stores a "
                "Structured Report and a heatmap (Secondary Capture) to one or more archives.",
                services(),
            ),
        ),
        Section(
            "Introduction",
            (
                "`osteoscreen conformance` writes this statement from the configuration in use and "
                "from the tables of the program. The headings follow PS3.2.",
                "Each object states the intended use of its model. This statement makes no claim "
                "about clinical accuracy.",
            ),
        ),
        networking(config),
        Section("Media Interchange", ("Not supported.",)),
        Section("Support of Character Sets", _charsets(config)),
        Section("Security", _security(config)),
        annexes(),
    )


def _charsets(config: Config) -> tuple[str, ...]:
    assumed = ", ".join(
        f"{caller.ae_title}: {caller.assume_charset}"
        for caller in config.dicom.callers
        if caller.assume_charset
    )
    language = PHRASES[Language(config.results.language)].name
    return (
        "The node reads these values of Specific Character Set (0008,0005): "
        f"{', '.join(term for term in python_encoding if term)}.",
        "The node repairs text in ISO 2022 IR 58 or ISO 2022 IR 149 without escape sequences. If a "
        "film states no character set, the node reads the text of the film as UTF-8, or as Latin-1 "
        "if the text is not valid UTF-8.",
        "Character sets that replace the stated character set of a sender: "
        f"{assumed or 'none configured'}.",
        f"Results are written in ISO_IR 192 (UTF-8), in {language}.",
    )


def _security(config: Config) -> tuple[str | Table, ...]:
    return (
        "The node checks called AE title, calling AE title and network of each association.",
        _incoming(config),
        "Connections to destinations with TLS use TLS 1.2 or later. The node verifies host name "
        "and certificate chain. Section 3.7 lists the destinations.",
        *_audit(config),
        "Logs contain no patient names and no patient IDs. The job table contains UIDs, scores, "
        "the values that decisions are based on, and a keyed pseudonym instead of the patient ID.",
        "Received films and results stay in the spool until their retention ends.",
    )


def _incoming(config: Config) -> str:
    """Return the text on the protection of incoming associations."""
    tls = config.dicom.tls
    if tls is None:
        return "TLS is not configured for incoming associations."
    certificate = (
        "Callers must present a certificate that a configured authority has signed."
        if tls.ca
        else "Callers need no certificate."
    )
    return (
        "Incoming associations require TLS 1.2 or later. The cipher suites are those of the BCP "
        "195 profiles (PS3.15, B.9 to B.12) with forward secrecy and AEAD. "
        f"{certificate}"
    )


def _audit(config: Config) -> tuple[str | Table, ...]:
    """Return the statements on audit messages that PS3.15 A.5 and A.6 require."""
    if config.audit.file is None:
        return ("The audit trail is not configured.",)
    server = config.audit.syslog
    target = f" and sent to {server.host}:{server.port}" if server else ". No server is configured"
    return (
        "Audit messages follow the schema of PS3.15 A.5.1, with one restriction: the message DICOM "
        "Instances Transferred contains no patient. The audit trail contains no patient data.",
        _AUDIT_MESSAGES,
        "The User ID of the node is its process number. The User ID of a peer is the AE title of "
        "the peer. If the peer has no AE title, the User ID is the host of the peer. The node "
        "receives no audit messages.",
        f"Messages are appended to a file{target}. Transport is syslog over TLS 1.2 or later "
        f"(PS3.15 A.6, RFC 5425) with facility 10, MSGID {MSGID} and no structured data. A message "
        f"has at most {MAX_LINE} bytes. The section `audit` of the configuration sets file, audit "
        "source and server.",
    )


_AUDIT_MESSAGES = Table(
    ("audit message", "event"),
    [
        ("Application Activity", "the node starts or stops"),
        ("Security Alert: Node Authentication", "the node rejects an association"),
        (
            "Security Alert: Software, Network or Security Configuration",
            "a setting changes between two starts, or by a reload",
        ),
        (
            "DICOM Instances Transferred",
            "a film is received or refused; a result is stored, or the delivery of a result fails",
        ),
    ],
)
