"""Ports with patience: what is repeated, what is left alone, and which text is to blame when a batch fails."""

import math
import threading
from collections.abc import Callable, Sequence

import pytest
from daemon_parts import Answered, StillClock
from dict_index import DictIndex

from syncd.adapters.embed.hash import HashEmbedder
from syncd.adapters.patient import PatientEmbedder, PatientIndex
from syncd.adapters.patient.line import AGAIN, LEFT_ALONE, LONG
from syncd.core.breaker import WHOLE, Breaker, BreakerState
from syncd.core.model import Lane, Reason, Refusal, Vector
from syncd.core.retry import Policy
from syncd.errors import EmbeddingFailed, IndexInvalid, IndexUnavailable, IndexUnknownOutcome, ModelUnavailable, SyncdError


class StillEntropy:
    """`ports.Entropy` without chance: every rest is whole."""

    def bytes(self, count: int) -> bytes:
        """Zeros."""
        return bytes(count)


class Pauses:
    """Rests that take no time. rests: how long each was to be; stops: whether the daemon stops meanwhile."""

    def __init__(self, clock: StillClock) -> None:
        self._clock = clock
        self.rests: list[float] = []
        self.stops = False

    def __call__(self, seconds: float) -> bool:
        self.rests.append(seconds)
        self._clock.seconds += seconds
        return not self.stops


@pytest.fixture
def clock() -> StillClock:
    """A clock of the test's own."""
    return StillClock()


@pytest.fixture
def pauses(clock) -> Pauses:
    """The rests so far."""
    return Pauses(clock)


class Store(DictIndex):
    """An index of which every call raises `errors`, one after the other, before it answers. asked: how many calls came."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)
        self.asked = 0

    def collections(self) -> tuple[str, ...]:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return super().collections()


def down(times: int = 1, **facts: float) -> list[IndexUnavailable]:
    """So many refusals of a store that is away."""
    return [IndexUnavailable(detail="no connection", **facts) for _ in range(times)]


# -- the store ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [IndexUnavailable(detail="cut"), IndexUnknownOutcome(detail="no answer")])
def test_what_may_be_repeated_is_repeated_after_a_rest(clock, pauses, error):
    """One call that is not answered costs its caller a moment and nothing else."""
    index = PatientIndex(Store(error), clock, StillEntropy(), pauses)
    assert (index.collections(), pauses.rests, index.line.away) == ((), [AGAIN.first], None)


def test_the_tries_of_one_call_have_an_end(clock, pauses):
    """As many as the policy says, then its error; what is away is told with its reason, since when and for how long."""
    store = Store(*down(10))
    index = PatientIndex(store, clock, StillEntropy(), pauses)
    began = clock.unix
    with pytest.raises(IndexUnavailable, match="no connection"):
        index.collections()
    assert (store.asked, pauses.rests) == (AGAIN.tries, [AGAIN.rest(1), AGAIN.rest(2)])
    away = index.line.away
    assert (away.name, away.cause, away.rest) == ("index", "no connection", LEFT_ALONE.first)
    assert began <= away.since <= clock.unix


def test_what_is_away_is_left_alone_and_then_asked_by_one(clock, pauses):
    """Nobody's call comes through before the rest is over, everybody hears so at once, and each failed try makes it longer."""
    store = Store(*down(AGAIN.tries + 5))
    index = PatientIndex(store, clock, StillEntropy(), pauses)
    with pytest.raises(IndexUnavailable):
        index.collections()
    asked, rests = store.asked, []
    for _ in range(5):
        for _ in range(3):
            with pytest.raises(IndexUnavailable, match="no connection; the next try is in"):
                index.collections()
        assert store.asked == asked
        rests.append(index.line.away.rest)
        clock.seconds += index.line.away.rest
        with pytest.raises(IndexUnavailable):
            index.collections()
        asked += 1
        assert store.asked == asked
    assert rests == pytest.approx([1, 2, 4, 8, LEFT_ALONE.longest])
    clock.seconds += LEFT_ALONE.longest
    assert (index.collections(), index.line.away) == ((), None)


def test_a_look_asks_only_when_it_may(clock, pauses):
    """Before the rest is over it asks nothing; after it, it finds out, and raises nothing either way."""
    store = Store(*down(AGAIN.tries + 1))
    index = PatientIndex(store, clock, StillEntropy(), pauses)
    with pytest.raises(IndexUnavailable):
        index.collections()
    index.line.look()
    assert store.asked == AGAIN.tries
    clock.seconds += LEFT_ALONE.first
    index.line.look()
    assert (store.asked, index.line.away.rest) == (AGAIN.tries + 1, 2 * LEFT_ALONE.first)
    clock.seconds += index.line.away.rest
    index.line.look()
    assert index.line.away is None


def test_one_asks_while_all_others_are_refused(clock, pauses):
    """The one try is under way on another thread: whoever comes meanwhile is refused and does not wait for it."""
    store = Store(*down(AGAIN.tries))
    index = PatientIndex(store, clock, StillEntropy(), pauses)
    with pytest.raises(IndexUnavailable):
        index.collections()
    clock.seconds += LEFT_ALONE.first
    begun, go = threading.Event(), threading.Event()

    def slow(*_: object) -> int:
        begun.set()
        assert go.wait(30)
        return 0

    store.count = slow
    first = Answered(lambda: index.count("c", None))
    assert begun.wait(30)
    with pytest.raises(IndexUnavailable, match="it is just being tried"):
        index.collections()
    go.set()
    assert (first.wait().value, index.line.away, index.collections()) == (0, None, ())


def test_a_try_that_is_cut_off_leaves_the_next_one_free(clock, pauses):
    """Whoever asks is ended by something that is no answer: the line does not wait for it for ever."""
    store = Store(*down(AGAIN.tries), KeyboardInterrupt())
    index = PatientIndex(store, clock, StillEntropy(), pauses)
    with pytest.raises(IndexUnavailable):
        index.collections()
    clock.seconds += LEFT_ALONE.first
    with pytest.raises(KeyboardInterrupt):
        index.collections()
    assert (index.collections(), index.line.away) == ((), None)


def test_a_store_that_asks_for_a_rest_gets_it(clock, pauses):
    """A short one is waited for; a longer one is not, but nobody asks before it is over; a boundless one has a bound."""
    store = Store(*down(1, retry_after=1.5))
    index = PatientIndex(store, clock, StillEntropy(), pauses)
    assert (index.collections(), pauses.rests) == ((), [1.5])
    store.errors = down(1, retry_after=60.0)
    with pytest.raises(IndexUnavailable):
        index.collections()
    assert (pauses.rests, index.line.away.rest) == ([1.5], 60.0)
    clock.seconds += 60.0
    store.errors = down(1, retry_after=math.inf)
    with pytest.raises(IndexUnavailable):
        index.collections()
    assert index.line.away.rest == 300.0


def test_a_daemon_that_stops_waits_for_no_rest(clock, pauses):
    """The rest was cut short: nothing is tried any more."""
    store = Store(*down(10))
    pauses.stops = True
    with pytest.raises(IndexUnavailable):
        PatientIndex(store, clock, StillEntropy(), pauses).collections()
    assert store.asked == 1


def test_who_waited_long_waits_no_longer(clock, pauses):
    """A call that took its time and brought nothing is not made again at once: others wait behind it."""
    store = Store()

    def slow(*_: object) -> int:
        clock.seconds += LONG + 1
        raise IndexUnavailable(detail="no answer (ReadTimeout)")

    store.count = slow
    index = PatientIndex(store, clock, StillEntropy(), pauses)
    with pytest.raises(IndexUnavailable):
        index.count("c", None)
    assert (pauses.rests, index.line.away.name) == ([], "index")


def test_no_is_an_answer(clock, pauses):
    """A request that can't succeed is not repeated, and says that the store is there."""
    store = Store(IndexInvalid(detail="nonsense"))
    index = PatientIndex(store, clock, StillEntropy(), pauses)
    with pytest.raises(IndexInvalid):
        index.collections()
    assert (store.asked, pauses.rests, index.line.away) == (1, [], None)


def test_what_comes_late_makes_no_rest_longer():
    """Ten calls were under way when it went away: that is one failure, not ten."""
    breaker = WHOLE
    for _ in range(10):
        breaker = breaker.failed(5.0, 100.0, Policy(first=1.0, longest=60.0), "gone")
    assert (breaker.rest.times, breaker.rest.until, breaker.since, breaker.state) == (1, 6.0, 100.0, BreakerState.OPEN)
    assert [breaker.admits(now) for now in (5.0, 5.9, 6.0)] == [False, False, True]
    assert (breaker.asked().admits(60.0), breaker.asked().abandoned().admits(6.0), Breaker().asked()) == (False, True, WHOLE)


def test_chance_takes_off_no_more_than_its_share():
    """All who failed together come back one by one, none of them later than the rest, and none at once."""
    policy = Policy(first=10.0, longest=60.0, jitter=0.5)
    assert [policy.rest(1, draw) for draw in (0.0, 0.5, 1.0)] == [10.0, 7.5, 5.0]
    assert policy.rest(100, 1.0) == 30.0


# -- the embedder ------------------------------------------------------------------------------------------------------


class Model(HashEmbedder):
    """An embedder that raises for every batch in which `bad` says so of a text. calls: the batches so far."""

    def __init__(self, bad: Callable[[str], bool], error: Callable[[], Exception] = lambda: ValueError("of a text")) -> None:
        super().__init__()
        self.bad = bad
        self.error = error
        self.calls: list[list[str]] = []

    def embed(self, texts: Sequence[str], lane: Lane = Lane.LIVE) -> list[Vector | Refusal]:
        self.calls.append(list(texts))
        if any(map(self.bad, texts)):
            raise self.error()
        return super().embed(texts, lane)

    def query(self, text: str) -> Vector:
        (found,) = self.embed([text])
        assert not isinstance(found, Refusal)
        return found


def patient(model: HashEmbedder, clock: StillClock, pauses: Pauses) -> PatientEmbedder:
    """`model`, asked with patience."""
    return PatientEmbedder(model, clock, StillEntropy(), pauses)


TEXTS = [f"text number {number}" for number in range(256)]


@pytest.mark.parametrize("error", [lambda: ValueError("a"), lambda: EmbeddingFailed(detail="ValueError"), MemoryError])
@pytest.mark.parametrize("place", [0, 100, 255])
def test_one_bad_text_costs_itself_only(clock, pauses, error, place):
    """Whatever is raised for a batch, all others get the vectors that they get alone, in about twice log2 of its size calls."""
    model = Model(lambda text: text == TEXTS[place], error)
    found = patient(model, clock, pauses).embed(TEXTS)
    assert isinstance(found[place], Refusal)
    assert found[place].reason is Reason.EMBEDDING
    good = HashEmbedder().embed(TEXTS)
    assert [vector for number, vector in enumerate(found) if number != place] == good[:place] + good[place + 1 :]
    assert len(model.calls) <= 2 * math.log2(len(TEXTS)) + 3
    assert pauses.rests == []


def test_several_bad_texts_cost_themselves_only(clock, pauses):
    """Side by side, apart, the first, the last, or all that there are."""
    for bad in ({0}, {0, 1}, {3, 4, 5}, {7}, set(range(8))):
        names = {TEXTS[number] for number in bad}
        found = patient(Model(names.__contains__), clock, pauses).embed(TEXTS[:8])
        assert {number for number, each in enumerate(found) if isinstance(each, Refusal)} == bad


def test_a_model_that_fails_for_everything_is_away_and_no_text_is_blamed(clock, pauses):
    """Not even a harmless text gets a vector: EmbeddingFailed after a few tries, and then nobody asks until the rest is over."""
    model = Model(lambda _: True)
    embedder = patient(model, clock, pauses)
    with pytest.raises(EmbeddingFailed, match="ValueError"):
        embedder.embed(TEXTS)
    asked = len(model.calls)
    assert asked <= 2 * AGAIN.tries
    assert (embedder.line.away.name, embedder.line.away.cause) == ("embedder", "ValueError")
    with pytest.raises(EmbeddingFailed, match="the next try is in"):
        embedder.query("a question")
    assert len(model.calls) == asked
    model.bad = lambda _: False
    clock.seconds += embedder.line.away.rest
    embedder.line.look()
    assert (embedder.line.away, len(embedder.embed(TEXTS))) == (None, len(TEXTS))


def test_a_model_that_dies_while_a_batch_is_cut_blames_no_text(clock, pauses):
    """The first halves are embedded, then nothing is: that is no fault of the text at which it happened."""
    left = [4]

    def dying(_: str) -> bool:
        left[0] -= len(model.calls[-1]) < len(TEXTS)
        return left[0] < 0 or len(model.calls[-1]) == len(TEXTS)

    model = Model(dying)
    with pytest.raises(EmbeddingFailed):
        patient(model, clock, pauses).embed(TEXTS)


def test_a_model_that_fails_for_a_moment_is_waited_for(clock, pauses):
    """Its first answers are errors, also to what is harmless: after a rest everything is there, and nothing is refused."""
    model = Model(lambda _: len(model.calls) <= 2)
    found = patient(model, clock, pauses).embed(TEXTS)
    assert (found, pauses.rests) == (HashEmbedder().embed(TEXTS), [AGAIN.first])


def test_a_question_that_is_refused_does_not_take_the_model_away(clock, pauses):
    """An error for who asked it; the next question is answered at once."""
    embedder = patient(Model(lambda text: text == "bad"), clock, pauses)
    with pytest.raises(EmbeddingFailed):
        embedder.query("bad")
    assert (embedder.line.away, embedder.query("good")) == (None, HashEmbedder().query("good"))


def test_too_few_vectors_are_no_vectors(clock, pauses):
    """A model that leaves one out must not have every text after it get the vector of another."""

    class Lossy(HashEmbedder):
        def embed(self, texts: Sequence[str], lane: Lane = Lane.LIVE) -> list[Vector | Refusal]:
            return super().embed([text for text in texts if text != TEXTS[2]], lane)

    found = patient(Lossy(), clock, pauses).embed(TEXTS[:4])
    good = HashEmbedder().embed(TEXTS[:4])
    assert (found[:2], isinstance(found[2], Refusal), found[3]) == (good[:2], True, good[3])


@pytest.mark.parametrize("error", [ModelUnavailable(model="m", detail="no such folder"), SyncdError(detail="a bug")])
def test_what_no_waiting_mends_is_not_waited_for(clock, pauses, error):
    """A model that can't be loaded says so at once: that is for a person."""
    model = Model(lambda _: True, lambda: error)
    with pytest.raises(type(error)):
        patient(model, clock, pauses).embed(TEXTS)
    assert (len(model.calls), pauses.rests) == (1, [])
