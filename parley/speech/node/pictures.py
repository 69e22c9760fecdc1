"""What the jobs of a node are told of the workers of one kind: all of them, or what changed."""

from collections.abc import Iterable

from parley.speech.balancing.picker import Candidate
from parley.speech.balancing.roster import Roster
from parley.speech.node.wire import LONGEST_FAULT, UNKNOWN_VOICES, Board, WorkerRow


class Pictures:
    """Remembers what was told to all; belongs to one roster."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._told: dict[str, WorkerRow] = {}
        self._told_sets: dict[int, frozenset[str]] = {}
        self._told_hedges = 0
        self._numbers: dict[frozenset[str], int] = {}
        self._last_number = 0

    def whole(self) -> Board:
        """For one who was told nothing: what all others have been told, so that the next changes
        are changes for this one, too."""
        return Board(
            rows=tuple(self._told.values()),
            voice_sets=self._told_sets,
            hedges=self._roster.hedges.saved,
        )

    def changes(self) -> Board | None:
        """For those who were told everything before; None where nothing is new."""
        rows = self._rows()
        changed = tuple(row for target, row in rows.items() if self._told.get(target) != row)
        gone = tuple(self._told.keys() - rows.keys())
        hedges = self._roster.hedges.saved
        if not changed and not gone and int(hedges) == self._told_hedges:
            return None
        sets = self._sets_of(rows.values())
        new_sets = {
            number: names for number, names in sets.items() if number not in self._told_sets
        }
        self._told, self._told_sets, self._told_hedges = rows, sets, int(hedges)
        self._numbers = {names: number for number, names in sets.items()}
        return Board(rows=changed, gone=gone, voice_sets=new_sets, hedges=hedges)

    def _rows(self) -> dict[str, WorkerRow]:
        return {each.target: self._row(each) for each in self._roster.candidates()}

    def _row(self, worker: Candidate) -> WorkerRow:
        return WorkerRow(
            target=worker.target,
            slots=worker.slots,
            own_in_flight=worker.own_in_flight,
            own_open=worker.own_open,
            reported_load=worker.reported_load,
            expected_s=round(worker.expected_s, 3),
            draining=worker.draining,
            reachable=worker.reachable,
            circuit_closed=worker.circuit_closed,
            on_trial=worker.on_trial,
            slow=worker.slow,
            voices=UNKNOWN_VOICES if worker.voices is None else self._number(worker.voices),
            stored=self._number(worker.stored),
            resident=tuple(sorted(worker.resident)),
            fault=(self._roster.fault(worker.target) or "")[:LONGEST_FAULT],
        )

    def _number(self, names: frozenset[str]) -> int:
        number = self._numbers.get(names)
        if number is None:
            self._last_number += 1
            number = self._numbers[names] = self._last_number
        return number

    def _sets_of(self, rows: Iterable[WorkerRow]) -> dict[int, frozenset[str]]:
        used = {number for row in rows for number in (row.voices, row.stored)}
        return {number: names for names, number in self._numbers.items() if number in used}
