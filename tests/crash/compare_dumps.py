"""Compare two dumps: `python compare_dumps.py ONE OTHER`, each the output of `syncd dump --json`. Exit 1 when they differ.

It imports nothing of syncd: what it says does not rest on the code that it judges.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

FACTS = ("source", "key", "span", "text_sha256", "vector_sha256", "readers")
Chunk = tuple[str, ...]


def chunk(said: dict[str, Any]) -> Chunk:
    """What is compared of a chunk: every fact must be there, and no other one is looked at."""
    return tuple(json.dumps(said[fact]) for fact in FACTS)


def dump(path: Path) -> Counter[Chunk]:
    """The chunks of a dump, each as often as it is there."""
    return Counter(chunk(said) for said in json.loads(path.read_bytes())["chunks"])


def differences(one: Counter[Chunk], other: Counter[Chunk]) -> list[str]:
    """One line a chunk that only one of them has; equal dumps give none."""
    lines = []
    for sign, here, there in (("-", one, other), ("+", other, one)):
        for each, count in sorted((here - there).items()):
            facts = "  ".join(f"{fact} {value}" for fact, value in zip(FACTS, each, strict=True))
            lines += [f"{sign} {facts}"] * count
    return lines


def main(arguments: list[str]) -> int:
    """Print the differences, then how many there are; returns the exit code."""
    first, second = (dump(Path(argument)) for argument in arguments)
    found = differences(first, second)
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.stdout.write(f"{len(found)} differences between {first.total()} and {second.total()} chunks\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
