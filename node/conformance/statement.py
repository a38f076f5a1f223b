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
    """Return the statement as a page."""
    return to_html(_title(), markdown(config))


def _title() -> str:
    return f"{PRODUCT} {version('osteoscreen')}: DICOM Conformance Statement"


def _sections(config: Config) -> tuple[Section, ...]:
    return (
        Section(
            "Conformance Statement Overview",
            (
                f"{PRODUCT} receives chest radiographs, scores each for osteoporosis, and stores a "
                "Structured Report and a heatmap (Secondary Capture) back to one or more archives.",
                services(),
            ),
        ),
        Section(
            "Introduction",
            (
                "Written by `osteoscreen conformance` from the configuration in use and from the "
                "tables that the program itself works by, so that it says what this installation "
                "does. The headings follow PS3.2.",
                "What the objects say is bounded by their model's intended use, which stands in "
                "every one of them; this document says nothing about clinical accuracy.",
            ),
        ),
        networking(config),
        Section("Media Interchange", ("Not supported.",)),
        Section("Support of Character Sets", _charsets(config)),
        Section("Security", _security(config)),
        annexes(),
    )


def _charsets(config: Config) -> tuple[str | Table, ...]:
    told = ", ".join(
        f"{one.ae_title}: {one.assume_charset}"
        for one in config.dicom.callers
        if one.assume_charset
    )
    return (
        "Read, by Specific Character Set (0008,0005): "
        f"{', '.join(term for term in python_encoding if term)}, and none. Text without its escape "
        "sequences is repaired for ISO 2022 IR 58 and IR 149; text of no stated set is read as "
        "UTF-8, else as Latin-1. Senders whose texts are read otherwise than they state: "
        f"{told or 'none here'}.",
        f"Written: ISO_IR 192 (UTF-8), in {PHRASES[_language(config)].name}.",
    )


def _language(config: Config) -> Language:
    return Language(config.results.language)


def _security(config: Config) -> tuple[str | Table, ...]:
    rows = [
        (
            one.name,
            "TLS 1.2 or later, name and chain checked" if one.tls else "none by configuration",
        )
        for one in config.destinations
    ]
    return (
        "Associations are admitted by called AE title, calling AE title and network. "
        f"{_listening(config)}",
        *([Table(("destination", "protection"), rows)] if rows else []),
        *_audit(config),
        "Logs name no patient. The job table holds UIDs, scores and what decisions rest on, and a "
        "keyed pseudonym in place of the patient's ID; received films and results lie in the spool "
        "until their retention ends.",
    )


def _listening(config: Config) -> str:
    """Return what protects the associations that others open to us."""
    tls = config.dicom.tls
    if tls is None:
        return "The listening side speaks no TLS by configuration."
    shown = "show one that a configured authority has signed" if tls.ca else "need show none"
    return (
        "The listening side speaks TLS 1.2 or later alone, with the cipher suites of the BCP 195 "
        f"profiles (PS3.15, B.9 to B.12) that have forward secrecy and AEAD; callers {shown}."
    )


def _audit(config: Config) -> tuple[str, ...]:
    """Return what PS3.15 A.5 and A.6 ask a statement to say of audit messages."""
    if config.audit.file is None:
        return ("Audit trail: none by configuration.",)
    server = config.audit.syslog
    sent = f"sent to {server.host}:{server.port}" if server else "sent nowhere by configuration"
    return (
        "Audit messages follow the schema of PS3.15 A.5.1, with one restriction: DICOM Instances "
        "Transferred names the study and no patient, whom this product does not record. Events: "
        "Application Activity (start, stop); Security Alert (Node Authentication: an association "
        "refused; Software, Network and Security Configuration: settings changed since the last "
        "start); DICOM Instances Transferred (a film received or refused; a result stored, or "
        "given up). The User ID of this product is its process number; of a peer, its AE title, "
        "else its host. No message is processed on receipt.",
        f"Messages are appended to a file and {sent}. Transport is syslog over TLS 1.2 or later "
        f"(PS3.15 A.6, RFC 5425): facility 10, MSGID {MSGID}, no structured data, {MAX_LINE} bytes "
        "at most. File, audit source and server are configured in the section `audit`.",
    )
