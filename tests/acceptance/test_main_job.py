"""The main job on real files, with the real engine and the commands as a person types them."""

import json
import os
import subprocess
import sys

import corpus
import pytest
from kit import Site, make_site, open_folders

from syncd.core.model import Eq, Where

CANARY = "zyzzyva-canary"


@pytest.fixture(scope="module")
def synced(tmp_path_factory) -> Site:
    """An install over real documents, synced once; the tests below change it one after the other."""
    place = tmp_path_factory.mktemp("main")
    open_folders(place)
    site = make_site(place / "docs", place / "state")
    corpus.copy(place / "docs" / "real", 40, most=40_000)
    site.write("notes/invoices.md", "# Invoices\n\nInvoices are kept for ten years in the archive.\n")
    site.write("notes/menu.md", "# Menu\n\nOn Fridays there is fish in the canteen.\n")
    site.write("notes/long.md", "".join(f"# Part {n}\n\n" + f"word{n} other{n} thing{n} " * 60 + "\n\n" for n in range(12)))
    run = site.json("sync")["runs"][0]
    assert (run["state"], run["source"]) == ("done", "docs")
    return site


def run(site: Site) -> dict:
    """One sync, of its one source."""
    return site.json("sync", check=None)["runs"][0]


def test_the_report_counts_what_happened(synced):
    """The counters of the report are those of the index: points in it, documents on the disk."""
    status = synced.json("status")
    files = sum(path.is_file() for path in synced.docs.rglob("*"))
    assert status["sources"][0]["documents"] == files
    assert status["sources"][0]["chunks"] == synced.points() == len(synced.json("dump")["chunks"])


def test_nothing_changed_embeds_nothing(synced):
    """A second sync finds nothing to do."""
    done = run(synced)
    assert done["documents"]["unchanged"] == synced.json("status")["sources"][0]["documents"]
    assert done["chunks"] == {"embedded": 0, "reused": 0, "deleted": 0}
    assert synced.cli("plan", "--check").stdout == "Nothing to do.\n"


def test_one_edited_paragraph_embeds_one_or_two_chunks(synced):
    """An edit costs its chunk, not its document; read from the index, only that many points are new."""
    before = {(c["key"], tuple(c["span"]), c["vector_sha256"]) for c in synced.json("dump")["chunks"]}
    vectors = {each[2] for each in before}
    path = synced.docs / "notes/long.md"
    path.write_text(path.read_text().replace("word5 other5", "edited5 other5", 3))
    assert synced.cli("plan", "--check", "--exact", check=3).stdout.startswith("~ docs:notes/long.md  1 chunk\n")
    done = run(synced)
    assert done["chunks"]["embedded"] in (1, 2)
    new = {c["vector_sha256"] for c in synced.json("dump")["chunks"]} - vectors
    assert len(new) == done["chunks"]["embedded"]


def test_a_renamed_folder_costs_nothing(synced):
    """0 texts, 0 points touched: the index holds the very same points, the search shows the new names."""
    with synced.open() as wiring:
        name = synced.collection(wiring).name
        before, _ = wiring.index.scroll(name, None, None, 100_000, vectors=True)
    (synced.docs / "notes").rename(synced.docs / "renamed")
    done = run(synced)
    assert (done["documents"]["moved"], done["documents"]["added"], done["documents"]["deleted"]) == (3, 0, 0)
    assert done["chunks"] == {"embedded": 0, "reused": 0, "deleted": 0}
    with synced.open() as wiring:
        after, _ = wiring.index.scroll(name, None, None, 100_000, vectors=True)
    assert after == before
    assert "renamed/menu.md" in {hit["key"] for hit in synced.json("search", "fish in the canteen")["hits"]}
    assert "doc.moved" in synced.cli("audit", "log", "--doc", str(synced.docs / "notes/menu.md")).stdout


def test_a_chmod_hides_a_document_from_another_user(synced):
    """One payload write, nothing embedded; the other user does not find it any more, the owner does."""
    key = "renamed/invoices.md"

    def keys(*who: str) -> set[str]:
        return {hit["key"] for hit in synced.json("search", "invoices archive", "-k", "1000", *who)["hits"]}

    assert key in keys("--as", "user:nobody")
    (synced.docs / key).chmod(0o600)
    done = run(synced)
    assert (done["documents"]["retagged"], done["chunks"]["embedded"]) == (1, 0)
    assert key not in keys("--as", "user:nobody")
    assert key in keys()
    readers = {tuple(c["readers"]) for c in synced.json("dump")["chunks"] if c["key"] == key}
    assert readers == {(f"allow user:unix:{os.getuid()}",)}


def test_impersonation_is_in_the_audit_log(synced):
    """Whoever searches as somebody else is recorded, without the name of that somebody."""
    log = synced.cli("audit", "log", "--type", "retrieval.impersonated", "--format", "jsonl").stdout
    events = [json.loads(line) for line in log.splitlines()]
    assert events
    assert all(event["actor"]["uid"] == os.getuid() for event in events)
    assert "nobody" not in log


def test_an_unknown_name_is_an_error(synced):
    """A reader who can't be resolved is not an empty reader."""
    done = synced.cli("search", "x", "--as", "user:no-such-user-here", check=1)
    assert "getent passwd no-such-user-here" in done.stderr


def test_a_deleted_document_leaves_no_point(synced):
    """0 points left, counted by the index itself."""
    with synced.open() as wiring, wiring.ledger.read() as view:
        owners = {row.doc for row in view.docs() if row.locator is not None}
    (synced.docs / "renamed/menu.md").unlink()
    assert run(synced)["documents"]["deleted"] == 1
    with synced.open() as wiring, wiring.ledger.read() as view:
        (gone,) = owners - {row.doc for row in view.docs() if row.locator is not None}
    assert synced.points(Where((Eq("doc", gone.hex()),))) == 0
    assert "renamed/menu.md" not in {hit["key"] for hit in synced.json("search", "fish", "-k", "1000")["hits"]}


def test_reindex_shows_its_plan_first_and_keeps_the_result_the_same(synced):
    """--dry-run does nothing; the real one embeds again and ends with the same dump, and its reason is committed to."""
    before = synced.cli("dump", "--json").stdout
    plan = synced.json("reindex", "--doc", "docs:renamed/long.md", "--dry-run", "--reason", "because")
    assert (plan["documents"], plan["sources"]) == (1, ["docs"])
    assert synced.cli("plan", "--check").returncode == 0
    done = synced.json("reindex", "--doc", "docs:renamed/long.md", "--reason", "because")["runs"][0]
    assert (done["documents"]["updated"], done["chunks"]["embedded"]) == (1, plan["chunks"])
    assert synced.cli("dump", "--json").stdout == before
    (event,) = [
        json.loads(e) for e in synced.cli("audit", "log", "--type", "reindex.requested", "--format", "jsonl").stdout.splitlines()
    ]
    assert "because" not in json.dumps(event)


def test_the_history_verifies_and_a_flipped_byte_is_found(synced, tmp_path):
    """Good as it is; broken after one byte of an event in a copy was changed."""
    report = synced.json("audit", "verify")
    assert (report["verdict"], report["authenticated"], report["findings"]) == ("good", True, [])
    ledger = synced.state / "ledger.db"
    data = bytearray(ledger.read_bytes())
    place = data.find(b'"type":"doc.synced"')
    assert place > 0
    data[place + 9] ^= 1
    copy = tmp_path / "copy.db"
    copy.write_bytes(data)
    key = next(line.split('"')[1] for line in synced.config.read_text().splitlines() if line.startswith("public_key"))
    broken = synced.json("audit", "verify", "--ledger", str(copy), "--key", key, check=6)
    assert broken["verdict"] == "broken"
    copy.write_bytes(ledger.read_bytes())
    assert synced.json("audit", "verify", "--ledger", str(copy), "--key", key)["verdict"] == "good"
    assert synced.json("audit", "verify", "--ledger", str(copy), check=3)["verdict"] == "consistent, unauthenticated"


def test_no_canary_is_in_any_file_of_the_state(tmp_path):
    """Words of texts, names, titles and principals are in no file of index, ledger and logs; the configuration names the root."""
    site = make_site(tmp_path / "docs", tmp_path / "state")
    site.write(f"{CANARY}-folder/{CANARY}-name.md", f"# {CANARY}-title\n\nA text with {CANARY}-word in it.\n" * 5)
    site.write(f"{CANARY}-folder/{CANARY}-broken.md", b"\x00\x01")
    assert run(site)["documents"] == {
        "added": 1, "updated": 0, "moved": 0, "retagged": 0, "deleted": 0, "unchanged": 0, "quarantined": 1,
    }  # fmt: skip
    (site.docs / f"{CANARY}-folder").rename(site.docs / f"{CANARY}-moved")
    run(site)
    site.cli("search", f"{CANARY}-word", "--as", "user:nobody")
    site.cli("reindex", "--reason", f"{CANARY}-reason", check=3)
    files = [path for path in site.state.rglob("*") if path.is_file() and path.name != "config.toml"]
    assert any(path.name == "ledger.db" for path in files)
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    assert site.json("search", f"{CANARY}-word")["hits"][0]["text"].count(CANARY) > 0


def test_help_imports_nothing_heavy():
    """`syncd --help` and the help of every command answer without torch, an engine, a database or cryptography."""
    heavy = {"torch", "sentence_transformers", "qdrant_client", "qdrant_edge", "sqlalchemy", "numpy", "cryptography", "pydantic"}
    code = (
        "import sys\nfrom syncd.cli.main import syncd\nfrom syncd.cli.exits import execute\n"
        "for arguments in (['--help'], ['sync', '--help'], ['search', '--help'], ['audit', 'log', '--help']):\n"
        "    assert execute(syncd, arguments) == 0\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
