"""The reader's filter, built in the one place where an empty one can't be expressed."""

from collections.abc import Iterator, Sequence

from syncd.core.model import AnyOf, Where

MOST = 4096
"""Class tokens in one query; beyond it the query is split and the best hits are merged (security.md)."""


def readable(tokens: Sequence[str]) -> Iterator[Where]:
    """`must: acl_class any of tokens`, in as many filters as it takes; none at all for no tokens.

    Never `should` or `must_not` for a security condition: in every engine tried, an empty one returns everything.
    """
    for start in range(0, len(tokens), MOST):
        yield Where((AnyOf("acl_class", tuple(tokens[start : start + MOST])),))
