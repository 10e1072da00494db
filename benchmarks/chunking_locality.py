"""How many chunks one edit of a document changes, and what chunking costs: `python benchmarks/chunking_locality.py DIRECTORY...`.

Takes the .md and .rst files below the directories, edits one paragraph of each in four ways, and counts the embedded texts of the
edited document that the original did not have. Model tokens are imitated by pieces of words; no model is needed.
"""

import random
import re
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from syncd.core.chunking import Sizes, chunk, text_to_embed
from syncd.core.model import Form

_MODEL_TOKEN = re.compile(r"\w{1,6}|[^\w\s]")
_PARAGRAPH = re.compile(r"(?<=\n\n)[A-Za-z][^\n]+(?:\n[A-Za-z][^\n]+)*[^:](?=\n\n)")
"""One that does not announce what follows: to move it away from that would be more than an edit of one paragraph."""
_FORMS = {".md": Form.MARKDOWN, ".rst": Form.RST}
_SMALLEST, _LARGEST = 2_000, 500_000
_NEW = "This sentence was not here before, and it is about as long as others are."


def documents(folders: list[str]) -> Iterator[tuple[str, Form]]:
    """The different texts of at least 2,000 characters, each once."""
    seen: set[str] = set()
    for folder in folders:
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix in _FORMS and path.is_file():
                text = path.read_text("utf-8", "replace").replace("\r\n", "\n")
                if _SMALLEST <= len(text) <= _LARGEST and text not in seen:
                    seen.add(text)
                    yield text, _FORMS[path.suffix]


def edits(text: str, dice: random.Random) -> Iterator[tuple[str, str]]:
    """Four edits of one paragraph: kind, and the text afterwards."""
    found = dice.choice(list(_PARAGRAPH.finditer(text)))
    start, end = found.span()
    words = found[0].split(" ")
    words[dice.randrange(len(words))] = "another"
    yield "a word", text[:start] + " ".join(words) + text[end:]
    yield "a sentence", f"{text[:end]} {_NEW}{text[end:]}"
    yield "a new paragraph", f"{text[:end]}\n\n{_NEW} {_NEW}{text[end:]}"
    yield "a paragraph less", text[:start] + text[end:].lstrip("\n")


def texts(text: str, form: Form, sizes: Sizes) -> Counter[str]:
    """What is embedded of a document."""
    starts = [found.start() for found in _MODEL_TOKEN.finditer(text)]
    return Counter(text_to_embed(text, piece) for piece in chunk(text, form, starts, sizes))


def main() -> None:
    """Print one line for each kind of edit, then the cost."""
    dice, sizes = random.Random(7), Sizes.for_window(254)  # a fixed seed, so that two versions meet the same edits
    changed: dict[str, list[int]] = {}
    spent, chunks, model_tokens = 0.0, 0, 0
    for text, form in documents(sys.argv[1:] or [sysconfig.get_path("purelib")]):
        starts = [found.start() for found in _MODEL_TOKEN.finditer(text)]
        began = time.process_time()
        chunks += len(chunk(text, form, starts, sizes))
        spent += time.process_time() - began
        model_tokens += len(starts)
        if not _PARAGRAPH.search(text):
            continue
        before = texts(text, form, sizes)
        for kind, after in edits(text, dice):
            changed.setdefault(kind, []).append((texts(after, form, sizes) - before).total())
    for kind, counts in [*changed.items(), ("all", list(chain(*changed.values())))]:
        counts.sort()
        p95 = counts[len(counts) * 95 // 100]
        print(f"{kind:18} {len(counts):6} edits  mean {sum(counts) / len(counts):.2f}  p95 {p95}  max {counts[-1]}")
    print(f"{chunks} chunks of {model_tokens / chunks:.0f} model tokens, {spent / chunks * 1e6:.0f} us each")


if __name__ == "__main__":
    main()
