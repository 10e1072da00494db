"""What the embedded engine has to say to a request that was understood."""

import json
import threading
import time
from dataclasses import dataclass, field

from qdrant_client.http import models
from qdrant_client.http.models import models as answers

from standin.routes import Request
from standin.translate import Refused, before, floats, identity, only, points, record, vector, where
from syncd.adapters.index.engine_ids import engine_id
from syncd.core.model import Where
from syncd.errors import IndexInvalid, IndexNotFound, SyncdError
from syncd.ports import VectorIndex


@dataclass
class Made:
    """What is known of a collection besides its points."""

    vectors: models.VectorParams
    indexes: dict[str, models.PayloadSchemaType] = field(default_factory=dict)


class Api:
    """The operations, over an engine that nobody else uses. broken: errors of the stand-in itself, for the test to look at."""

    def __init__(self, engine: VectorIndex) -> None:
        self.engine = engine
        self.broken: list[BaseException] = []
        self._made: dict[str, Made] = {}
        self._aliases: dict[str, str] = {}
        self._lock = threading.RLock()
        self._operations = 0

    def carry_out(self, request: Request) -> tuple[int, bytes]:
        """Do it: status and body of the answer."""
        began = time.monotonic()
        try:
            result = getattr(self, f"do_{request.route.op}")(request.collection, request.body)
        except Refused as error:
            return error.status, refusal(error)
        except IndexNotFound as error:
            return 404, refusal(Refused(404, str(error)))
        except IndexInvalid as error:
            return 400, refusal(Refused(400, f"Wrong input: {error}"))
        except SyncdError as error:
            return 500, refusal(Refused(500, f"Service internal error: {error}"))
        except Exception as error:  # noqa: BLE001 -- a mistake of the stand-in is an answer too, and then the test's failure
            self.broken.append(error)
            return 500, refusal(Refused(500, f"Service internal error: {error!r}"))
        if request.route.answer is answers.InlineResponse2008:
            result = self._update(request)
        answer = request.route.answer(time=time.monotonic() - began, status="ok", result=result)
        return 200, answer.model_dump_json(exclude_none=True).encode()

    # -- collections and aliases ---------------------------------------------------------------------------------------

    def do_collections(self, _: str, __: None) -> models.CollectionsResponse:
        return models.CollectionsResponse(collections=[models.CollectionDescription(name=name) for name in self._made])

    def do_aliases(self, _: str, __: None) -> models.CollectionsAliasesResponse:
        there = [models.AliasDescription(alias_name=alias, collection_name=name) for alias, name in self._aliases.items()]
        return models.CollectionsAliasesResponse(aliases=there)

    def do_switch(self, _: str, body: models.ChangeAliasesOperation) -> bool:
        with self._lock:
            aliases = dict(self._aliases)
            for action in body.actions:
                match action:
                    case models.DeleteAliasOperation(delete_alias=taken):
                        aliases.pop(taken.alias_name, None)
                    case models.CreateAliasOperation(create_alias=given):
                        if given.collection_name not in self._made:
                            raise missing(given.collection_name)
                        if given.alias_name in self._made:
                            raise Refused(409, f"Wrong input: Collection `{given.alias_name}` already exists!")
                        aliases[given.alias_name] = given.collection_name
                    case _:
                        raise Refused(501, f"the stand-in does not know {type(action).__name__}")
            self._aliases = aliases
        return True

    def do_exists(self, collection: str, _: None) -> models.CollectionExistence:
        return models.CollectionExistence(exists=self._aliases.get(collection, collection) in self._made)

    def do_info(self, collection: str, _: None) -> models.CollectionInfo:
        name, made = self._behind(collection)
        indexes = {each: models.PayloadIndexInfo(data_type=kind, points=0) for each, kind in made.indexes.items()}
        config = models.CollectionConfig(
            params=models.CollectionParams(vectors=made.vectors),
            hnsw_config=models.HnswConfig(m=16, ef_construct=100, full_scan_threshold=10_000),
            optimizer_config=models.OptimizersConfig(default_segment_number=0, flush_interval_sec=5),
        )
        return models.CollectionInfo(
            status=models.CollectionStatus.GREEN,
            optimizer_status=models.OptimizersStatusOneOf.OK,
            points_count=self.engine.count(name, None),
            segments_count=1,
            config=config,
            payload_schema=indexes,
        )

    def do_create(self, collection: str, body: models.CreateCollection) -> bool:
        only(body, "vectors")
        if not isinstance(body.vectors, models.VectorParams):
            raise Refused(501, "the stand-in knows collections of one nameless vector")
        only(body.vectors, "size", "distance")
        if body.vectors.distance is not models.Distance.DOT:
            raise Refused(501, "the stand-in knows the distance Dot")
        with self._lock:
            if collection in self._made or collection in self._aliases:
                raise Refused(409, f"Wrong input: Collection `{collection}` already exists!")
            self.engine.ensure_collection(collection, body.vectors.size)
            self._made[collection] = Made(body.vectors)
        return True

    def do_drop(self, collection: str, _: None) -> bool:
        with self._lock:
            self.engine.drop_collection(collection)
            self._aliases = {alias: name for alias, name in self._aliases.items() if name != collection}
            return self._made.pop(collection, None) is not None

    def do_index(self, collection: str, body: models.CreateFieldIndex) -> None:
        if not isinstance(body.field_schema, models.PayloadSchemaType):
            raise Refused(501, "the stand-in knows payload indexes by their type")
        self._behind(collection)[1].indexes[body.field_name] = body.field_schema

    # -- points --------------------------------------------------------------------------------------------------------

    def do_upsert(self, collection: str, body: models.PointsList | models.PointsBatch) -> None:
        name, made = self._behind(collection)
        self.engine.upsert(name, points(body, made.vectors.size))

    def do_set_payload(self, collection: str, body: models.SetPayload) -> None:
        only(body, "payload", "filter")
        self.engine.set_payload(self._behind(collection)[0], body.payload, self._selected(body.filter))

    def do_delete(self, collection: str, body: models.FilterSelector | models.PointIdsList) -> None:
        if not isinstance(body, models.FilterSelector):
            raise Refused(501, "the stand-in knows deletions by filter")
        only(body, "filter")
        self.engine.delete(self._behind(collection)[0], self._selected(body.filter))

    def do_retrieve(self, collection: str, body: models.PointRequest) -> list[models.Record]:
        only(body, "ids", "with_payload", "with_vector")
        name, _ = self._behind(collection)
        found = self.engine.retrieve(name, [identity(each) for each in body.ids], vectors=bool(body.with_vector))
        return [record(each, body) for each in found]

    def do_scroll(self, collection: str, body: models.ScrollRequest) -> models.ScrollResult:
        only(body, "offset", "limit", "filter", "with_payload", "with_vector")
        name, _ = self._behind(collection)
        limit = self._limit(body.limit)
        start = None if body.offset is None else before(identity(body.offset))
        found, _ = self.engine.scroll(name, where(body.filter), start, limit + 1, vectors=bool(body.with_vector))
        following = engine_id(found[limit].id) if len(found) > limit else None
        return models.ScrollResult(points=[record(each, body) for each in found[:limit]], next_page_offset=following)

    def do_count(self, collection: str, body: models.CountRequest) -> models.CountResult:
        only(body, "filter", "exact")
        if body.exact is False:
            raise Refused(501, "the stand-in counts exactly")
        return models.CountResult(count=self.engine.count(self._behind(collection)[0], where(body.filter)))

    def do_query(self, collection: str, body: models.QueryRequest) -> models.QueryResponse:
        only(body, "query", "filter", "limit", "with_payload", "with_vector")
        name, made = self._behind(collection)
        asked = body.query.nearest if isinstance(body.query, models.NearestQuery) else body.query
        found = self.engine.query(name, vector(asked, made.vectors.size), self._selected(body.filter), self._limit(body.limit))
        shown = [
            models.ScoredPoint(
                id=engine_id(each.point.id),
                version=0,
                score=each.score,
                payload=dict(each.point.payload) if body.with_payload else None,
                vector=floats(each.point.vector) if body.with_vector else None,
            )
            for each in found
        ]
        return models.QueryResponse(points=shown)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _behind(self, name: str) -> tuple[str, Made]:
        """The collection that a name or an alias means."""
        collection = self._aliases.get(name, name)
        made = self._made.get(collection)
        if made is None:
            raise missing(name)
        return collection, made

    def _update(self, request: Request) -> models.UpdateResult:
        """What a write is answered with: who does not wait is told less."""
        with self._lock:
            self._operations += 1
        status = models.UpdateStatus.COMPLETED if request.waits else models.UpdateStatus.ACKNOWLEDGED
        return models.UpdateResult(operation_id=self._operations, status=status)

    @staticmethod
    def _selected(found: models.Filter | None) -> Where:
        selected = where(found)
        if selected is None:
            raise Refused(501, "the stand-in changes, deletes and searches only what a filter selects")
        return selected

    @staticmethod
    def _limit(limit: int | None) -> int:
        if limit is not None and limit < 1:
            raise Refused(422, f"Validation error in JSON body: [limit: value {limit} invalid, must be 1 or larger]")
        return 10 if limit is None else limit


def missing(collection: str) -> Refused:
    """The answer for a collection that is not there."""
    return Refused(404, f"Not found: Collection `{collection}` doesn't exist!")


def refusal(error: Refused) -> bytes:
    """The body of an error, as Qdrant's errors are."""
    return json.dumps({"status": {"error": error.message}, "time": 0.0}).encode()
