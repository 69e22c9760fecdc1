"""Experiments in MongoDB, through pymongo's own asyncio client (an extra: parley[mongodb])."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from dialogue.bounded import TIMEOUT_S, bounded
from dialogue.experiments.experiment import Experiment, ExperimentError, ExperimentStatus
from dialogue.experiments.sequential import Tally
from parley.errors import ConfigurationError


class MongoExperiments:
    """In three collections of a database. Raises ConfigurationError where pymongo is missing."""

    def __init__(self, url: str, database: str, *, timeout_s: float = TIMEOUT_S) -> None:
        try:
            from pymongo import AsyncMongoClient  # noqa: PLC0415 - an extra
            from pymongo.errors import InvalidURI, PyMongoError  # noqa: PLC0415
        except ModuleNotFoundError:
            raise ConfigurationError(
                "experiments in MongoDB need pymongo: install parley[mongodb]"
            ) from None
        try:
            self._client: Any = AsyncMongoClient(
                url, serverSelectionTimeoutMS=int(1000 * timeout_s), uuidRepresentation="standard"
            )
        except (InvalidURI, ValueError):
            raise ConfigurationError(
                "experiments.mongodb_url (MONGODB_URL) is not mongodb://host:port"
            ) from None
        self._failures = PyMongoError
        self._timeout_s = timeout_s
        self._experiments = self._client[database]["parley_experiments"]
        self._exposures = self._client[database]["parley_exposures"]

    async def create(self, experiment: Experiment) -> None:
        async with self._answering():
            await self._experiments.insert_one({"_id": experiment.id, **_kept(experiment)})

    async def load(self, experiment_id: str) -> Experiment | None:
        async with self._answering():
            found = await self._experiments.find_one({"_id": experiment_id})
        return Experiment.model_validate(found["experiment"]) if found else None

    async def list(self) -> Sequence[Experiment]:
        async with self._answering():
            every = self._experiments.find().sort([("created_at_s", 1), ("_id", 1)])
            return [Experiment.model_validate(each["experiment"]) async for each in every]

    async def change(self, experiment: Experiment, *, was: ExperimentStatus) -> bool:
        async with self._answering():
            changed = await self._experiments.update_one(
                {"_id": experiment.id, "status": was.value}, {"$set": _kept(experiment)}
            )
        return bool(changed.modified_count)

    async def expose(self, experiment_id: str, user_id: str, variant: str) -> None:
        async with self._answering():
            await self._exposures.update_one(
                {"_id": _of(experiment_id, user_id)},
                {"$setOnInsert": {"variant": variant, "experiment": experiment_id}},
                upsert=True,
            )

    async def convert(self, experiment_id: str, user_id: str, value: float) -> bool:
        async with self._answering():
            changed = await self._exposures.update_one(
                {"_id": _of(experiment_id, user_id), "value": {"$exists": False}},
                {"$set": {"value": value}},
            )
        return bool(changed.modified_count)

    async def tallies(self, experiment_id: str) -> Mapping[str, Tally]:
        has_value = {"$cond": [{"$gt": ["$value", None]}, 1, 0]}
        steps: list[dict[str, Any]] = [
            {"$match": {"experiment": experiment_id}},
            {
                "$group": {
                    "_id": "$variant",
                    "exposed": {"$sum": 1},
                    "converted": {"$sum": has_value},
                    "total": {"$sum": "$value"},
                    "total_squares": {"$sum": {"$multiply": ["$value", "$value"]}},
                }
            },
        ]
        async with self._answering():
            groups = [each async for each in await self._exposures.aggregate(steps)]
        return {
            each["_id"]: Tally(
                each["exposed"], each["converted"], each["total"], each["total_squares"]
            )
            for each in groups
        }

    async def aclose(self) -> None:
        async with self._answering():
            await self._client.close()

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        name = "the store of experiments (MongoDB)"
        try:
            async with bounded(name, self._timeout_s, ExperimentError):
                yield
        except self._failures as error:
            raise ExperimentError(f"{name} failed: {type(error).__name__}") from None


def _kept(experiment: Experiment) -> dict[str, Any]:
    return {
        "status": experiment.status.value,
        "created_at_s": experiment.created_at_s,
        "experiment": experiment.model_dump(mode="json"),
    }


def _of(experiment_id: str, user_id: str) -> dict[str, str]:
    return {"experiment": experiment_id, "user": user_id}
