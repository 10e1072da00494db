"""Kills at named steps and at random, and the judge of what they leave, which has to be able to say no.

`make chaos` plays hundreds of them with a seed of its own; here is a short run, of one seed unless SYNCD_SEED is another.
"""

import ast
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import chaos
import checks
import compare_dumps
import doomed
import pytest
from checks import Again, embedded_again, faults_after_kill, faults_in_rest
from history import History
from kit import Site, make_site, open_folders
from tally import DAEMON, ENGINE, Tally, faults
from victim import Victim, Wrong

from syncd.core.model import Ids, Point, Where
from syncd.sync.collection import ensure_collection

KILLS = 10


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One document, indexed, over the engine in its process."""
    open_folders(tmp_path)
    made = make_site(tmp_path / "docs", tmp_path / "state")
    made.write("one.md", "# One\n\nThe text of one.")
    made.sync()
    return made


# -- the run -----------------------------------------------------------------------------------------------------------


def test_a_short_run_finds_nothing_wrong(tmp_path):
    """A daemon and its engine, killed at some named steps and at random: nothing differs, nothing is unrecorded or shown."""
    seed = int(os.environ.get("SYNCD_SEED", "11"))
    tally = chaos.run(KILLS, seed, tmp_path / "chaos")
    assert faults(tally) == [], f"again: python tests/crash/chaos.py --kills {KILLS} --seed {seed}"
    assert len(tally.kills) >= KILLS
    assert tally.rests > 0


def test_the_long_run_comes_to_every_step():
    """Of 500 kills each named step is at least ten, the first start included; the others are at random, half at the engine."""
    histories = chaos.plan(500, random.Random(1))
    kills = Counter(kill for history in histories for kill in history)
    assert kills.total() == 500
    assert all(kills[step] >= 10 for step in doomed.STEPS)
    assert kills[DAEMON] == kills[ENGINE] == 30
    assert all(kill not in chaos.FIRST for history in histories for kill in history[1:])


# -- the judge can say no ----------------------------------------------------------------------------------------------


def _dump(path: Path, change: Callable[[list[dict]], object] = lambda _: None) -> Path:
    chunks = [
        {
            "source": "docs",
            "key": f"{n}.md",
            "span": [0, 9],
            "text_sha256": "t",
            "vector_sha256": "v",
            "readers": ["unix:everyone"],
        }
        for n in range(3)
    ]
    change(chunks)
    path.write_text(json.dumps({"format_version": 1, "chunks": chunks}))
    return path


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (lambda chunks: chunks.reverse(), 0),
        (lambda chunks: chunks[0].update(point="another id"), 0),
        (lambda chunks: chunks.pop(), 1),
        (lambda chunks: chunks.append(chunks[0]), 1),
        (lambda chunks: chunks[1].update(readers=["unix:user:0"]), 2),
        (lambda chunks: chunks[1].update(vector_sha256="w"), 2),
        (lambda chunks: chunks[1].update(text_sha256="u"), 2),
        (lambda chunks: chunks[1].update(span=[0, 10]), 2),
        (lambda chunks: chunks[1].update(key="renamed.md"), 2),
    ],
    ids=["order", "ids", "missing", "twice", "reader", "vector", "text", "span", "key"],
)
def test_dumps_that_differ_are_told(tmp_path, change, lines):
    """A chunk that is missing, there twice, or says anything else, is a difference; order and ids are none."""
    one, other = _dump(tmp_path / "one"), _dump(tmp_path / "other", change)
    for pair in ((one, other), (other, one)):
        count, told = checks.compare(*pair)
        assert (count, len(told.splitlines())) == (lines, lines)


def test_a_dump_without_a_fact_is_no_dump(tmp_path):
    """Facts that neither side has are not equal: the comparison breaks off."""
    broken = _dump(tmp_path / "broken", lambda chunks: chunks[0].pop("readers"))
    with pytest.raises(RuntimeError, match="readers"):
        checks.compare(broken, broken)


def test_the_comparison_rests_on_nothing_of_syncd():
    """It imports the standard library alone."""
    tree = ast.parse(Path(compare_dumps.__file__).read_text())
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def test_points_that_do_not_agree_are_told(site):
    """A point that nobody recorded, and a recorded one that is gone, are faults at rest and right after a kill."""
    assert faults_in_rest(site) == faults_after_kill(site) == []
    with site.open(writer=True) as wiring:
        name = ensure_collection(wiring.install()).name
        (known,), _ = wiring.index.scroll(name, None, None, 1, vectors=True)
        stranger = type(known.id)(bytes(16)) if isinstance(known.id, bytes) else "00000000-0000-4000-8000-000000000000"
        wiring.index.upsert(name, [Point(stranger, known.vector, known.payload)])
    beyond = ["1 points that a reconcile finds wrong", "1 unrecorded points", "1 points beyond those that are recorded"]
    assert faults_in_rest(site) == beyond
    assert faults_after_kill(site) == ["1 unrecorded points right after a kill"]
    with site.open(writer=True) as wiring:
        wiring.index.delete(name, Where((Ids((known.id,)),)))
    gone = ["2 points that a reconcile finds wrong", "1 unrecorded points", "1 recorded points that are not there"]
    assert faults_in_rest(site) == gone
    assert faults_after_kill(site) == ["1 unrecorded points right after a kill", "1 points recorded too early"]


@pytest.mark.parametrize(
    ("journal", "again"),
    [
        ([{"embed": ["a", "b"]}, {"embed": ["c"]}], Again(0, 0, 0)),
        ([{"embed": ["a"]}, {"embed": ["b"]}, {"killed": "x"}, {"embed": ["b"]}], Again(1, 1, 0)),
        ([{"embed": ["a"]}, {"embed": ["b"]}, {"killed": "x"}, {"embed": ["a"]}], Again(1, 1, 1)),
        ([{"embed": ["a"]}, {"killed": "x"}, {"killed": "y"}, {"embed": ["a"]}, {"embed": ["a"]}], Again(2, 1, 1)),
        ([{"embed": ["a"]}, {"reindex": True}, {"embed": ["a"]}], Again(0, 0, 0)),
        ([{"embed": ["a"]}, {"reindex": True}, {"embed": ["a"]}, {"embed": ["a"]}], Again(1, 0, 1)),
        ([{"embed": ["a", "a"]}], Again(1, 0, 1)),
    ],
)
def test_what_is_embedded_again_is_counted(journal, again):
    """A kill takes the group before it and no more; a reindex has everything embedded once; nothing else does."""
    assert embedded_again(journal) == again


def test_more_embedded_than_the_kills_took_is_a_fault():
    """As many texts again as the groups that kills took are borne, one more is not; a step that was never reached is told."""
    assert faults(Tally(again=Again(5, 5, 0))) == []
    assert len(faults(Tally(again=Again(6, 5, 1)))) == 1
    assert faults(Tally(missed=["points written"])) == ["never reached: points written"]
    assert faults(Tally(wrong=["something"])) == ["something"]


def test_a_rest_that_is_none_is_told(tmp_path, monkeypatch):
    """An install that shows another tree than the one that is there is found out: by the dumps, and by what a stranger finds."""
    tally = Tally()
    history = History(tmp_path / "here", 1, tally)
    fresh = Site.fresh

    def later(self: Site, name: str) -> Site:
        self.write("later.md", "# Later\n\nlater")
        return fresh(self, name)

    monkeypatch.setattr(Site, "fresh", later)
    monkeypatch.setattr(history.tree, "world_readable", lambda: {"nothing.md"})
    history.play([])
    assert tally.differences == 1
    assert [wrong.split()[0] for wrong in tally.wrong] == ["a", "1"]


def test_a_daemon_that_ends_by_itself_is_told(site):
    """Only SIGKILL may end it, or an end of its engine while it starts."""
    victim = Victim(site)
    victim.log.write_text("its last words")
    victim.process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    victim.process.wait()
    with pytest.raises(Wrong, match="its last words"):
        victim.alive()
    victim.process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    victim.process.wait()
    victim.engine_killed = True
    assert victim.alive() is False


def test_a_step_is_reached_as_often_as_was_wanted(site):
    """The second time means the second time, another step is another one, and the journal tells of the kill."""
    victim = Victim(site)
    victim.arm("points written", 2)
    doom = doomed.Doom(victim.folder)
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        for step in ("points written", "a move"):
            doom.reached(step, process.pid)
            assert process.poll() is None
        doom.reached("points written", process.pid)
        assert process.wait() == -signal.SIGKILL
    assert victim.journal() == [{"killed": "points written"}]
    assert not doom.armed.exists()
