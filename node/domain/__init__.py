"""Pure decisions of the node: functions of frozen dataclasses, without input or output."""
