"""Half of a UTF-16 pair: JSON may hold one (``"\\ud83d"``), no file in UTF-8 and no tokenizer can.

Rows with one are found and refused where they would be learned from; until then they are carried as they are.
"""

from __future__ import annotations

import re

HALF = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """The text with the sign of the unreadable in place of halves."""
    return HALF.sub("\ufffd", text)
