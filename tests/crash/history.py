"""One history: a tree, its daemon, deeds and kills in turn, and what must be true whenever it comes to rest."""

import random
import shutil
from pathlib import Path

from checks import compare, dump, embedded_again, faults_after_kill, faults_in_rest
from daemon_kit import PATIENCE, until
from deeds import Tree
from doomed import FIRST, SETTLING
from kit import make_site, open_folders
from tally import DAEMON, ENGINE, Tally
from victim import Begetter, Victim, Wrong, moment, started

from syncd.errors import SyncdError

STRANGER = ("user:nobody",)
TRIES = 6
"""How often a step that was not reached is tried again, with other deeds."""
EVERY = 8
"""Kills after which it is let come to rest and looked at."""
AUTOPSIES = 0.25
"""The share of kills after which index and ledger are looked at as they were left."""
OPENING = "after the commit of the intent of documents"
"""A kill that leaves something to settle."""
PROVOKED = {
    "ACLs": ("chmod",),
    "deletions": ("delete",),
    "deleted documents": ("delete",),
    "missing": ("delete",),
    "delete points": ("delete", "edit"),
    "a move": ("rename",),
    "stale points": ("edit",),
    "a quarantine": ("spoil",),
    "left quarantine": ("mend",),
}
"""A part of a step's name -> deeds that lead there; others are led to by a new text."""
ASKED = {"checkpoint": "sync", "reindex": "reindex"}
"""A part of a step's name -> what a person asks for to get there."""


class History:
    """Plays one history in `place`; what it finds wrong goes into `tally`, with what was done before."""

    def __init__(self, place: Path, seed: int, tally: Tally, beget: Begetter = started) -> None:
        place.mkdir(parents=True)
        open_folders(place)
        self.rng = random.Random(seed)
        self.tally = tally
        self.site = make_site(place / "docs", place / "state")
        self.site.config.chmod(0o600)
        # What is taken away is meant: the guard has tests of its own. And nothing that went wrong is to be mended unseen.
        with self.site.config.open("a") as file:
            file.write("\n[guard]\nmax_delete_share = 1.0\nmax_widen_share = 1.0\n\n[reconcile]\nrepair = false\n")
        self.tree = Tree(self.site.docs, self.rng)
        self.tree.fill()
        self.victim = Victim(self.site, beget)
        self.done: list[str] = []
        self.closed: set[str] = set()
        """Keys that were closed, and of which `wait` said that the index knows."""
        self._since = 0

    def play(self, kills: list[str]) -> None:
        """All of it; ends early when something is wrong."""
        try:
            for kill in kills:
                self._kill(kill)
                self._since += 1
                self.autopsy()
                if self._since >= EVERY:
                    self.rest()
            self.rest()
        except (Wrong, AssertionError, SyncdError) as error:
            self._wrong(f"{type(error).__name__}: {error}")
        finally:
            self.tally.kills += self.victim.killed
            self.tally.embedded(embedded_again(self.victim.journal()))
            if self.victim.process is not None:
                self.victim.process.kill()
                self.victim.process.wait(PATIENCE)

    # -- kills ---------------------------------------------------------------------------------------------------------

    def _kill(self, kill: str) -> None:
        before = self.victim.deaths()
        for attempt in range(TRIES):
            if kill in (DAEMON, ENGINE):
                self._at_random(engine=kill == ENGINE)
            else:
                self._at_step(kill, hurry=attempt > 0)
            killed = self.victim.killed[before:]
            if kill in killed:
                self.done.append(f"killed {', '.join(killed)}")
                return
        self.tally.missed.append(kill)

    def _at_random(self, *, engine: bool) -> None:
        victim = self.victim
        if not engine and self.rng.random() < 0.3:
            victim.stop()
            self._play(self.rng.randint(0, 3))
            victim.launch()
            victim.die_in(moment(self.rng, 4.0))
        elif self._start():
            self._play(self.rng.randint(1, 4))
            if engine:  # one that was killed before comes back with the next call
                self.tree.sentinel()
                until(lambda: victim.engines() or not victim.alive())
            victim.die_in(moment(self.rng, 1.0))
        if engine:
            victim.kill_engine()
        else:
            victim.kill()

    def _at_step(self, step: str, *, hurry: bool) -> None:
        """Have it come to a step, while it starts or later. hurry: the first time that it is reached."""
        if step in SETTLING and (self.victim.process is not None or not self._open_intents()):
            self._attempt(OPENING, 1, at_start=False)
        if "left quarantine" in step and self._start():
            self._play(1, "spoil")
            self._calm(self.victim.deaths())  # stopped sooner, it would never have been in quarantine
        only_at_start = step in (*FIRST, *SETTLING)
        at_start = only_at_start or (self.rng.random() < 0.5 and _asked(step) is None)
        self._attempt(step, 1 if only_at_start or hurry else self.rng.choice((1, 1, 2)), at_start=at_start)

    def _open_intents(self) -> bool:
        """Whether the last kill left something to settle, as far as its name tells."""
        return bool(self.victim.killed) and self.victim.killed[-1] == OPENING

    def _attempt(self, step: str, count: int, *, at_start: bool) -> None:
        """Have it come to a step, and wait for what becomes of it."""
        victim = self.victim
        if at_start:
            victim.stop()
        elif not self._start() or not self._calm(victim.deaths()):
            return
        before = victim.deaths()
        if not at_start:
            victim.arm(step, count)
        if step not in (*FIRST, *SETTLING):
            self._provoke(step, count)
        if at_start:
            victim.arm(step, count)
            victim.launch()
        self._follow(step, before)
        victim.disarm()
        victim.died(before)

    def _provoke(self, step: str, count: int) -> None:
        deeds = next((deeds for part, deeds in PROVOKED.items() if part in step), ("edit", "create", "edit a part", "append"))
        for _ in range(count):
            self._play(self.rng.randint(0, 2))
            self._play(1, self.rng.choice(deeds))

    def _follow(self, step: str, before: int) -> None:
        """Wait until it died, or is through with all that it was told."""
        asked = _asked(step)
        if asked is not None and self.victim.daemon is not None:
            try:
                job = self.victim.daemon.client.begin(asked, {"reason": "chaos"} if asked == "reindex" else {})
                self.victim.daemon.client.watch(job, lambda _: None)
            except SyncdError:
                pass  # it died of it, most likely; what is true is looked at below
        self._calm(before)

    def _calm(self, before: int) -> bool:
        """Wait until nothing is left to do; False when it was killed instead, for good or its engine."""
        victim, word = self.victim, self.tree.sentinel()
        if victim.daemon is None:
            until(lambda: victim.died(before) or not victim.alive() or victim.answers())
        until(
            lambda: victim.deaths() > before or not victim.alive() or (victim.calm() and victim.followed(word) and victim.calm()),
            2 * PATIENCE,
        )
        return victim.deaths() == before and victim.alive()

    # -- deeds ---------------------------------------------------------------------------------------------------------

    def _start(self) -> bool:
        started = self.victim.start()
        if started:
            self._look_at_closed()
        return started

    def _play(self, count: int, deed: str | None = None) -> None:
        for _ in range(count):
            self.done.append(self.tree.play(deed))
            self.closed -= self.tree.world_readable()

    def _close(self) -> None:
        """Close a file, wait until the index knows, and see that nobody is shown it any more, now or ever."""
        key = self.tree.close()
        if key is not None and self.victim.daemon is not None:
            self.done.append(f"close {key!r}")
            self.victim.daemon.wait(key)
            self.closed.add(key)
            self._look_at_closed()

    def _look_at_closed(self) -> None:
        """Whoever is nobody special finds nothing of what was closed: also right after a kill, before anything is settled."""
        if self.victim.daemon is None or not self.closed:
            return
        try:
            found = self.victim.daemon.found(principals=STRANGER)
        except SyncdError:  # it does not answer yet, or not any more
            return
        if found & self.closed:
            raise Wrong(f"shown although closed: {sorted(found & self.closed)}")

    # -- rest ----------------------------------------------------------------------------------------------------------

    def autopsy(self) -> None:
        """A kill may leave much undone, but nothing in the index that is not recorded, and nothing recorded without a doubt."""
        if self.victim.process is None and self.tally.rests and self.rng.random() < AUTOPSIES:
            self.tally.autopsies += 1
            for fault in faults_after_kill(self.site):
                self._wrong(fault)

    def rest(self) -> None:
        """Let it come to rest, and look at everything."""
        self._since = 0
        self.tally.rests += 1
        self.victim.disarm()
        until(lambda: self._start() and self._calm(self.victim.deaths()))
        self.victim.engine_killed = False
        self._close()
        until(lambda: self._calm(self.victim.deaths()))
        daemon = self.victim.daemon
        if daemon is None:
            raise Wrong("it is gone")
        found, readable = daemon.found(principals=STRANGER), self.tree.world_readable()
        if found != readable:
            self._wrong(f"a stranger finds {sorted(found - readable)} too much, {sorted(readable - found)} too little")
        mine = dump(self.site, self.site.state.with_name("mine.json"))
        self.victim.stop()
        verdict = self.site.json("audit", "verify", check=None)["verdict"]
        if verdict != "good":
            self._wrong(f"the audit is {verdict}")
        for fault in faults_in_rest(self.site):
            self.tally.unrecorded += int(fault.split()[0]) if "unrecorded" in fault else 0
            self._wrong(fault)
        fresh = self.site.fresh("fresh")
        fresh.sync()
        count, lines = compare(mine, dump(fresh, self.site.state.with_name("fresh.json")))
        shutil.rmtree(fresh.state)
        self.tally.differences += count
        if count:
            self._wrong(f"{count} differences to a fresh install:\n{lines}")
        self.done.append("rest")

    def _wrong(self, what: str) -> None:
        self.tally.wrong.append(f"{what}\n    after {'; '.join(self.done[-40:])}")


def _asked(step: str) -> str | None:
    return next((asked for part, asked in ASKED.items() if part in step), None)
