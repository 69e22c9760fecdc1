"""Experiments in SQL: in an SQLite file of one machine, or in PostgreSQL."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import (
    Column,
    Double,
    MetaData,
    Table,
    Text,
    and_,
    func,
    insert,
    literal,
    select,
    update,
)

from dialogue.bounded import TIMEOUT_S
from dialogue.database import Database
from dialogue.experiments.experiment import Experiment, ExperimentError, ExperimentStatus
from dialogue.experiments.sequential import Tally

_metadata = MetaData()
_experiments = Table(
    "parley_experiments",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("created_at_s", Double, nullable=False, index=True),
    Column("status", Text, nullable=False),
    Column("payload", Text, nullable=False),
)
_exposures = Table(
    "parley_exposures",
    _metadata,
    Column("experiment_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("variant", Text, nullable=False),
)
_conversions = Table(
    "parley_conversions",
    _metadata,
    Column("experiment_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("value", Double, nullable=False),
)


class SqlExperiments:
    """In a file or behind a URL, as Database has it."""

    def __init__(self, place: Path | str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._database = Database(
            place,
            _metadata,
            what="the store of experiments",
            setting="experiments.url (EXPERIMENTS_URL)",
            failure=ExperimentError,
            timeout_s=timeout_s,
        )

    async def create(self, experiment: Experiment) -> None:
        row = {"id": experiment.id, "created_at_s": experiment.created_at_s, **_kept(experiment)}
        async with self._database.changing() as connection:
            await connection.execute(insert(_experiments).values(row))

    async def load(self, experiment_id: str) -> Experiment | None:
        found = select(_experiments.c.payload).where(_experiments.c.id == experiment_id)
        async with self._database.reading() as connection:
            payload = (await connection.execute(found)).scalar_one_or_none()
        return Experiment.model_validate_json(payload) if payload is not None else None

    async def list(self) -> Sequence[Experiment]:
        every = select(_experiments.c.payload).order_by(
            _experiments.c.created_at_s, _experiments.c.id
        )
        async with self._database.reading() as connection:
            payloads = (await connection.execute(every)).scalars().all()
        return [Experiment.model_validate_json(payload) for payload in payloads]

    async def change(self, experiment: Experiment, *, was: ExperimentStatus) -> bool:
        change = (
            update(_experiments)
            .where(_experiments.c.id == experiment.id, _experiments.c.status == was.value)
            .values(_kept(experiment))
        )
        async with self._database.changing() as connection:
            return (await connection.execute(change)).rowcount == 1

    async def expose(self, experiment_id: str, user_id: str, variant: str) -> None:
        row = {"experiment_id": experiment_id, "user_id": user_id, "variant": variant}
        async with self._database.changing() as connection:
            await connection.execute(self._database.inserting_once(_exposures).values(row))

    async def convert(self, experiment_id: str, user_id: str, value: float) -> bool:
        exposed = select(
            _exposures.c.experiment_id, _exposures.c.user_id, literal(value, Double)
        ).where(_exposures.c.experiment_id == experiment_id, _exposures.c.user_id == user_id)
        counted = self._database.inserting_once(_conversions).from_select(
            ["experiment_id", "user_id", "value"], exposed
        )
        async with self._database.changing() as connection:
            return (await connection.execute(counted)).rowcount == 1

    async def tallies(self, experiment_id: str) -> Mapping[str, Tally]:
        value = _conversions.c.value
        same = and_(
            _conversions.c.experiment_id == _exposures.c.experiment_id,
            _conversions.c.user_id == _exposures.c.user_id,
        )
        found = (
            select(
                _exposures.c.variant,
                func.count().label("exposed"),
                func.count(value).label("converted"),
                func.coalesce(func.sum(value), 0.0).label("total"),
                func.coalesce(func.sum(value * value), 0.0).label("total_squares"),
            )
            .select_from(_exposures.outerjoin(_conversions, same))
            .where(_exposures.c.experiment_id == experiment_id)
            .group_by(_exposures.c.variant)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(found)).all()
        return {
            row.variant: Tally(row.exposed, row.converted, row.total, row.total_squares)
            for row in rows
        }

    async def aclose(self) -> None:
        await self._database.aclose()


def _kept(experiment: Experiment) -> dict[str, str]:
    return {"status": experiment.status.value, "payload": experiment.model_dump_json()}
