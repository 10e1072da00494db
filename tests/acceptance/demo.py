"""`make demo`: the main job on real texts, each command as a person would type it, checked on the way.

Without an argument the texts are documentation and metadata that installed packages carry, and this project's own pages; with
one they are a copy of that folder. Nothing outside a temporary folder is written.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import corpus

from syncd.cli.client import Client, connect

ROOT = Path(__file__).parents[2]
FILES = 300
SMALL = 6_000
QUESTION = "How long are paid invoices kept before they are destroyed?"
RETENTION = "house/finance/retention.md"

PAGE = """\
# Retention of records

## Invoices

Paid invoices stay in the archive for ten years. After that the finance department has them shredded.

## Applications

Papers of people who were not hired are sent back within six months.

## Canteen

Menus are thrown away on Mondays.
"""


class Demo:
    """A folder of texts, an install over it, and a terminal that shows what is typed."""

    def __init__(self, place: Path) -> None:
        self.docs = place / "docs"
        self.state = place / "state"
        self.place = place
        self.environ = {**os.environ, "SYNCD_CONFIG": str(self.state / "config.toml"), "HF_HUB_OFFLINE": "1"}

    def type(self, *arguments: str, lines: int = 12, expect: int | tuple[int, ...] = 0, shown: str | None = None) -> str:
        """Run `syncd ARGUMENTS`, show it and the first lines of its output; the exit code must be as expected."""
        print(f"\n\033[1m$ syncd {shown or ' '.join(arguments)}\033[0m", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "syncd", *arguments], env=self.environ, stdout=subprocess.PIPE, text=True, check=False
        )
        output = done.stdout.replace(str(self.place), "…")
        rows = aligned(output.splitlines())
        print("\n".join(rows[:lines] + ([f"… {len(rows) - lines} more lines"] if len(rows) > lines else [])), flush=True)
        if done.returncode not in (expect if isinstance(expect, tuple) else (expect,)):
            sys.exit(f"demo: `syncd {arguments[0]}` ended with {done.returncode}, expected {expect}")
        return done.stdout

    def json(self, *arguments: str) -> dict:
        """The same, unseen, parsed."""
        done = subprocess.run(
            [sys.executable, "-m", "syncd", *arguments, "--json"], env=self.environ, capture_output=True, text=True, check=False
        )
        return json.loads(done.stdout)

    def sync(self) -> dict:
        """`syncd sync`, shown, and what the ledger says of that run."""
        self.type("sync", expect=(0, 3))
        return self.json("status")["sources"][0]["last_report"]


def aligned(rows: list[str]) -> list[str]:
    """Rows with tabs, as a table; the others as they are. Commands print tabs into a pipe, for programs."""
    cells = [row.split("\t") for row in rows if "\t" in row]
    widths = [max(map(len, column)) for column in zip(*cells, strict=False)]
    table = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in cells)
    return [next(table) if "\t" in row else row for row in rows]


def say(text: str) -> None:
    """A heading."""
    print(f"\n\033[36m# {text}\033[0m", flush=True)


def check(*, holds: bool, what: str) -> None:
    """A demo that only looked right would be worse than none."""
    if not holds:
        sys.exit(f"demo: expected {what}")
    print(f"\033[32m  ✓ {what}\033[0m", flush=True)


def gather(demo: Demo, folder: str | None) -> int:
    """The texts; returns how many."""
    if folder:
        shutil.copytree(
            folder, demo.docs / "yours", symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", "node_modules")
        )
    else:
        corpus.copy(demo.docs / "packages", FILES, most=SMALL)
        for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))):
            (demo.docs / "syncd").mkdir(exist_ok=True)
            shutil.copyfile(page, demo.docs / "syncd" / page.name)
    (demo.docs / RETENTION).parent.mkdir(parents=True)
    (demo.docs / RETENTION).write_text(PAGE)
    for path in demo.docs.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    return sum(path.is_file() for path in demo.docs.rglob("*"))


def walk(demo: Demo) -> None:
    """Everything in its order."""
    say("A folder becomes searchable: configuration, keys, first sync")
    demo.type(
        "init", str(demo.docs), "--state", str(demo.state), "--allow-everyone", shown="init docs --state state --allow-everyone"
    )
    first = demo.sync()
    check(
        holds=first["documents"]["added"] > 1,
        what=f"{first['documents']['added']} documents, {first['chunks']['embedded']} texts embedded",
    )

    say("A search finds the right text")
    demo.type("search", QUESTION, "-k", "2", shown=f"search '{QUESTION}' -k 2")
    check(holds=demo.json("search", QUESTION)["hits"][0]["key"] == RETENTION, what=f"{RETENTION} comes first")

    with live(demo) as client:
        follow(demo, client)


def follow(demo: Demo, client: Client) -> None:
    """What changes while the daemon runs."""
    say("One paragraph is edited: one chunk is embedded, and found a moment later")
    before = embedded(client)
    page = demo.docs / RETENTION
    print(f"\n$ sed -i 's/ten years/twelve years/' docs/{RETENTION}")
    written = time.monotonic()
    page.write_text(page.read_text().replace("ten years", "twelve years"))
    done = client.ask("wait", {"doc": f"docs:{RETENTION}"})
    took = time.monotonic() - written
    check(holds=done.payload["state"] == "searchable", what=f"searchable {took:.2f} s after it was written")
    demo.type("search", QUESTION, "-k", "1", shown=f"search '{QUESTION}' -k 1")
    check(holds="twelve years" in first_hit(client)["text"], what="found as it is now")
    check(holds=embedded(client) == before + 1, what="1 text embedded")

    say("A folder is renamed: nothing is embedded, nothing is written to the index")
    print("\n$ mv docs/house docs/company")
    (demo.docs / "house").rename(demo.docs / "company")
    key = RETENTION.replace("house", "company")
    demo.type("wait", f"docs:{key}")
    check(holds=embedded(client) == before + 1, what="0 texts embedded")

    say("A file is closed to others: the other user does not find it any more")
    question = ("search", QUESTION, "-k", "1", "--as", "user:nobody")
    demo.type(*question, shown=f"search '{QUESTION}' -k 1 --as user:nobody")
    print("\n$ chmod 600 docs/" + key)
    closed = time.monotonic()
    (demo.docs / key).chmod(0o600)
    while key == answer(client, k=1, principals=["user:nobody"])[0]["key"]:
        if time.monotonic() - closed > 60:
            sys.exit("demo: it is still found")
    took = time.monotonic() - closed
    found = {hit["key"] for hit in answer(client, k=1000, principals=["user:nobody"])}
    check(holds=key not in found, what=f"refused to the user nobody {took:.2f} s after it was closed")
    demo.type(*question, shown=f"search '{QUESTION}' -k 1 --as user:nobody")
    check(holds=first_hit(client)["key"] == key, what="still the first hit of its owner")
    check(holds=embedded(client) == before + 1, what="0 texts embedded")
    demo.type("explain", f"docs:{key}")
    demo.type("status")


def answer(client: Client, **more: Any) -> list[dict[str, Any]]:
    """The hits of the question."""
    return client.ask("search", {"query": QUESTION, **more}).payload["hits"]


def first_hit(client: Client) -> dict[str, Any]:
    """What its owner finds first."""
    return answer(client, k=1)[0]


def embedded(client: Client) -> int:
    """How many texts were embedded so far, as the history has it."""
    events = client.ask("audit-log", {"types": ["doc.synced"]}).items
    bodies = [json.loads(event["leaf"])["body"] for event in events if event["phase"] == "outcome"]
    return sum(body["chunks"]["embedded"] for body in bodies)


@contextmanager
def live(demo: Demo) -> Iterator[Client]:
    """A daemon, as `syncd run &` starts it; ended by SIGTERM."""
    say("A daemon takes over: from here on nothing has to be synced by hand")
    print("\n\033[1m$ syncd run &\033[0m", flush=True)
    log = (demo.place / "daemon.log").open("wb")
    daemon = subprocess.Popen([sys.executable, "-m", "syncd", "run"], env=demo.environ, stderr=log)
    try:
        client = None
        while client is None or client.ask("status").payload["verdict"] != "fresh":
            if daemon.poll() is not None:
                sys.exit(f"demo: the daemon ended\n{(demo.place / 'daemon.log').read_text()}")
            time.sleep(0.2)
            client = client or connect(demo.state / "config.toml", demo.environ)
        demo.type("status")
        yield client
        print("\n\033[1m$ kill %1\033[0m", flush=True)
        daemon.terminate()
        check(holds=daemon.wait(60) == 0, what="the daemon ended with 0")
    finally:
        daemon.kill()
        daemon.wait()
        log.close()


def history(demo: Demo) -> None:
    """What an auditor sees."""
    say("The history of that document, by its present or any former name; names are not in it")
    demo.type("audit", "log", "--doc", str(demo.docs / RETENTION), shown=f"audit log --doc docs/{RETENTION}")

    say("The history can be checked by somebody who trusts nobody here")
    demo.type("audit", "verify")
    copy = demo.place / "copy.db"
    data = bytearray((demo.state / "ledger.db").read_bytes())
    data[data.find(b'"type":"doc.synced"') + 9] ^= 1
    copy.write_bytes(data)
    key_line = next(line for line in (demo.state / "config.toml").read_text().splitlines() if line.startswith("public_key"))
    print("\n(one byte of one event is flipped in a copy)")
    demo.type(
        "audit",
        "verify",
        "--ledger",
        str(copy),
        "--key",
        key_line.split('"')[1],
        expect=6,
        shown="audit verify --ledger copy --key PUBLIC_KEY",
    )
    check(holds=True, what="broken is called broken, exit 6")


def main() -> None:
    """Run the demo in a temporary folder."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="syncd-demo-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        demo = Demo(place)
        demo.docs.mkdir()
        own = sys.argv[1] if len(sys.argv) > 1 else None
        print(f"{gather(demo, own)} real texts in docs/")
        walk(demo)
        history(demo)
    print(f"\nAll of it in {time.monotonic() - began:.0f} s. Your own folder: make demo DIR=/path/to/folder")


if __name__ == "__main__":
    main()
