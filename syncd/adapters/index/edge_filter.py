"""The only place where a filter for the embedded engine is built: `must` and `must_not`, never `should`, never empty."""

from typing import Any

import qdrant_edge as engine

from syncd.adapters.index.engine_ids import engine_id
from syncd.core.model import AnyOf, Condition, Eq, Ids, Lt, Where


def build_filter(where: Where) -> Any:
    """The engine's filter. An empty AnyOf or Ids in `must` is the caller's to answer: it raises ValueError here."""
    return engine.Filter(
        must=[_build(condition) for condition in where.must], must_not=[_build(c) for c in where.must_not] or None
    )


def _build(condition: Condition) -> Any:
    match condition:
        case Eq(field=field, value=value):
            return engine.FieldCondition(field, match=engine.MatchValue(value))
        case AnyOf(field=field, values=values) if values:
            return engine.FieldCondition(field, match=engine.MatchAny(list(values)))
        case Lt(field=field, value=value):
            return engine.FieldCondition(field, range=engine.RangeFloat(lt=float(value)))
        case Ids(ids=ids) if ids:
            return engine.HasIdCondition({engine_id(each) for each in ids})
        case _:
            raise ValueError("an empty condition is never put to the engine")
