"""Where a model turns its queries and keys otherwise: LongRoPE (Ding and others, arXiv 2402.13753).

``transformers`` chooses one of two sets of factors for a whole pass, by its longest row: so rows on the two
sides of the limit between them may not be read in one pass, and keys that were kept from one side do not
serve on the other. Knows configurations only.
"""

from __future__ import annotations

from typing import Any


def turned_beyond(config: Any) -> int:
    """Tokens of a row beyond which it is turned otherwise; 0: it never is."""
    told = getattr(config.get_text_config(), "rope_parameters", None) or {}
    kinds = [told, *(one for one in told.values() if isinstance(one, dict))]
    found = [one for one in kinds if one.get("rope_type") == "longrope"]
    return int(found[0].get("original_max_position_embeddings") or 0) if found else 0
