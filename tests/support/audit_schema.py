"""A validator for the part of the audit schema (PS3.15 A.5.1.1) that the node uses."""

import re
from xml.etree.ElementTree import Element

REQUIRED, OPTIONAL = True, False
_TOKEN, _UID = r"[^\r\n\t]+", r"(0|[1-9]\d*)(\.(0|[1-9]\d*))*|unknown"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
_BASE64 = r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_CODE = {
    "csd-code": (REQUIRED, _TOKEN),
    "codeSystemName": (REQUIRED, _TOKEN),
    "originalText": (REQUIRED, _TOKEN),
}

ATTRIBUTES: dict[str, dict[str, tuple[bool, str]]] = {
    "AuditMessage": {},
    "EventIdentification": {
        "EventActionCode": (OPTIONAL, "[CRUDE]"),
        "EventDateTime": (REQUIRED, _TIME),
        "EventOutcomeIndicator": (REQUIRED, "0|4|8|12"),
    },
    "EventID": _CODE,
    "EventTypeCode": _CODE,
    "EventOutcomeDescription": {},
    "ActiveParticipant": {
        "UserID": (REQUIRED, _TOKEN),
        "AlternativeUserID": (OPTIONAL, "AETITLES=.+"),
        "UserName": (OPTIONAL, _TOKEN),
        "UserIsRequestor": (REQUIRED, "true|false"),
        "NetworkAccessPointID": (OPTIONAL, _TOKEN),
        "NetworkAccessPointTypeCode": (OPTIONAL, "[1-5]"),
    },
    "RoleIDCode": _CODE,
    "AuditSourceIdentification": {"AuditSourceID": (REQUIRED, _TOKEN)},
    "AuditSourceTypeCode": {"csd-code": (REQUIRED, "[1-9]")},
    "ParticipantObjectIdentification": {
        "ParticipantObjectID": (REQUIRED, _TOKEN),
        "ParticipantObjectTypeCode": (OPTIONAL, "[1-4]"),
        "ParticipantObjectTypeCodeRole": (OPTIONAL, r"[1-9]|1\d|2[0-6]"),
    },
    "ParticipantObjectIDTypeCode": _CODE,
    "ParticipantObjectName": {},
    "ParticipantObjectDetail": {"type": (REQUIRED, _TOKEN), "value": (REQUIRED, _BASE64)},
    "ParticipantObjectDescription": {},
    "SOPClass": {"UID": (OPTIONAL, _UID), "NumberOfInstances": (REQUIRED, r"\d+")},
    "Instance": {"UID": (REQUIRED, _UID)},
}

CHILDREN = {
    "AuditMessage": "EventIdentification (ActiveParticipant )+AuditSourceIdentification "
    "(ParticipantObjectIdentification )*",
    "EventIdentification": "EventID (EventTypeCode )*(EventOutcomeDescription )?",
    "ActiveParticipant": "(RoleIDCode )*",
    "AuditSourceIdentification": "(AuditSourceTypeCode )*",
    "ParticipantObjectIdentification": "ParticipantObjectIDTypeCode ParticipantObjectName "
    "(ParticipantObjectDetail )*(ParticipantObjectDescription )*",
    "ParticipantObjectDescription": "(SOPClass )*",
    "SOPClass": "(Instance )*",
}


def faults(element: Element) -> list[str]:
    """Return one line for each violation in an element and its descendants."""
    allowed = ATTRIBUTES.get(element.tag)
    if allowed is None:
        return [f"{element.tag} is not in the schema"]
    violations = [
        f"{element.tag} has an unknown attribute {name}"
        for name in element.attrib
        if name not in allowed
    ]
    for name, (required, pattern) in allowed.items():
        value = element.get(name)
        if value is None and required:
            violations.append(f"{element.tag} lacks {name}")
        if value is not None and not re.fullmatch(pattern, value):
            violations.append(f"{element.tag} {name} is {value!r}")
    order = "".join(f"{child.tag} " for child in element)
    if not re.fullmatch(CHILDREN.get(element.tag, ""), order):
        violations.append(f"{element.tag} has children {order}")
    return violations + [fault for child in element for fault in faults(child)]
