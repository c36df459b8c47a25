"""A text in quotes that JSON, YAML 1.1 and YAML 1.2 read alike."""

from __future__ import annotations

import json
import re

# What JSON leaves as it is and YAML does not take, or takes for a line's end. JSON's own escapes
# for all beyond ASCII won't do: YAML does not join surrogate pairs.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def quoted(text: str) -> str:
    """`text` on one line, in double quotes."""
    plain = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)
