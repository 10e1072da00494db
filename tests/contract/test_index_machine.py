"""Any sequence of calls leaves an engine with the points that a dictionary would hold."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from index_points import everything, matches, numbers, pid, point, unit

from syncd.core.model import AnyOf, Eq, Ids, Lt, Payload, PointId, Where
from syncd.ports import VectorIndex

few = st.integers(0, 7)
docs = st.sampled_from(["a", "b", "c"])
conditions = st.one_of(
    st.builds(Eq, st.just("doc"), docs),
    st.builds(Eq, st.just("epoch"), few),
    st.builds(AnyOf, st.just("acl_class"), st.lists(docs, max_size=3).map(tuple)),
    st.builds(Lt, st.just("acl_version"), few),
    st.builds(Ids, st.lists(few.map(pid), max_size=4).map(tuple)),
)
wheres = st.builds(Where, st.lists(conditions, min_size=1, max_size=3).map(tuple), st.lists(conditions, max_size=2).map(tuple))
payloads = st.fixed_dictionaries({}, optional={"doc": docs, "acl_class": docs, "acl_version": few, "epoch": few, "extra": few})


def test_an_engine_is_a_dictionary(index, collection):
    """After every step of a random sequence the engine's points, counts and query results are the dictionary's."""

    class Machine(RuleBasedStateMachine):
        """The engine beside its model."""

        engine: VectorIndex = index

        def __init__(self) -> None:
            super().__init__()
            if left := everything(index, collection):
                index.delete(collection, Where((Ids(tuple(left)),)))
            self.model: dict[PointId, Payload] = {}

        @rule(batch=st.lists(st.tuples(few, payloads), max_size=5))
        def upsert(self, batch):
            points = [point(number, **payload) for number, payload in batch]
            self.engine.upsert(collection, points)
            self.model |= {each.id: each.payload for each in points}

        @rule(payload=payloads, where=wheres)
        def set_payload(self, payload, where):
            self.engine.set_payload(collection, payload, where)
            self.model = {i: {**p, **payload} if matches(i, p, where) else p for i, p in self.model.items()}

        @rule(where=wheres)
        def delete(self, where):
            self.engine.delete(collection, where)
            self.model = {i: p for i, p in self.model.items() if not matches(i, p, where)}

        @rule(where=wheres, after=few, limit=st.integers(0, 5))
        def read(self, where, after, limit):
            chosen = sorted(i for i, p in self.model.items() if matches(i, p, where))
            assert self.engine.count(collection, where) == len(chosen)
            page, going_on = self.engine.scroll(collection, where, pid(after), limit, vectors=False)
            beyond = [i for i in chosen if i > pid(after)]
            assert [found.id for found in page] == beyond[:limit]
            assert (going_on is not None) == (0 < limit < len(beyond))
            hits = self.engine.query(collection, unit(1, 2, 3, 4), where, limit)
            assert len(hits) == min(limit, len(chosen))
            assert {hit.point.id for hit in hits} <= set(chosen)
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)

        @rule()
        def barrier(self):
            self.engine.barrier()

        @invariant()
        def same(self):
            assert everything(self.engine, collection) == self.model
            assert numbers(self.engine.retrieve(collection, [pid(0)], vectors=False)) == [0] * (pid(0) in self.model)

    quick = settings(
        max_examples=15,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=quick)
