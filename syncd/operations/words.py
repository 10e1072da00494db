"""Words that depend on a number."""


def counted(number: int, noun: str) -> str:
    """So many of something: "1 document", "2 documents"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
