"""What every place of records promises."""

from pathlib import Path

import pytest

from parley.records.lines import CallBegan, CallObjectives, PersonCame
from parley.records.store import (
    RecordNotFoundError,
    RecordStore,
    is_id,
    new_id,
    of_person,
    of_session,
    out_of_time,
    read_call,
)
from parley.settings.record import RecordSection

DAY_S = 86_400.0
NOW_S = 1_790_000_000.0


def keep(
    store: RecordStore, tmp_path: Path, at_s: float, *, user: str = "u", name: str = ""
) -> str:
    """A record that began then."""
    record_id = new_id(at_s)
    objectives = CallObjectives(response_ms=650, first_audio_ms=500, onset_to_silence_ms=300)
    lines = [
        CallBegan(at_s=at_s, id=record_id, session=f"s-{user}", user=user, objectives=objectives),
        PersonCame(at_s=at_s, user=user, name=name),
    ]
    file = tmp_path / "lines"
    file.write_text("".join(f"{line.model_dump_json()}\n" for line in lines))
    store.put(record_id, "record.jsonl", file)
    sound = tmp_path / "sound"
    sound.write_bytes(bytes(range(200)))
    store.put(record_id, "audio.flac", sound)
    return record_id


def test_the_newest_comes_first_and_its_parts_are_read(store: RecordStore, tmp_path: Path) -> None:
    old, new = (keep(store, tmp_path, NOW_S + after_s) for after_s in (0.0, 60.0))
    assert store.ids() == [new, old]
    assert store.size(new, "audio.flac") == 200
    assert store.read(new, "audio.flac") == bytes(range(200))
    assert store.read(new, "audio.flac", 10, 12) == bytes([10, 11])
    assert store.read(new, "audio.flac", 195, 900) == bytes(range(195, 200))
    assert read_call(store, old).began_at_s == NOW_S
    assert store.sizes()[new] > 200


def test_what_is_not_there_is_told_apart_from_what_fails(
    store: RecordStore, tmp_path: Path
) -> None:
    record_id = keep(store, tmp_path, NOW_S)
    for wrong in (new_id(NOW_S), "../../etc", ""):
        with pytest.raises(RecordNotFoundError):
            store.read(wrong, "audio.flac")
    with pytest.raises(RecordNotFoundError):
        store.read(record_id, "../secret")
    with pytest.raises(RecordNotFoundError):
        store.size(record_id, "peaks.u8")


def test_a_person_is_forgotten_by_identity_and_by_name(store: RecordStore, tmp_path: Path) -> None:
    ann = keep(store, tmp_path, NOW_S, user="ann", name="Ann Smith")
    bob = keep(store, tmp_path, NOW_S + 1, user="bob")
    assert of_person(store, "ann") == of_person(store, "Ann Smith") == [ann]
    assert of_session(store, "s-bob") == [bob]
    store.delete(ann)
    store.delete(ann)
    assert store.ids() == [bob]


def test_records_go_by_age_and_then_the_oldest_of_too_many_bytes() -> None:
    ids = [new_id(NOW_S - days * DAY_S) for days in (40, 20, 10, 1)]
    sizes = dict.fromkeys(ids, 1_000_000_000)
    settings = RecordSection(keep_days=30, keep_gb=2)
    assert out_of_time(sizes, settings, now_s=NOW_S) == ids[:2]
    assert out_of_time(sizes, RecordSection(keep_days=0, keep_gb=0), now_s=NOW_S) == []


def test_an_id_is_a_time_and_nothing_that_could_lead_elsewhere() -> None:
    assert is_id(new_id(NOW_S))
    assert not any(map(is_id, ("", ".", "20260101T000000-", "a/b", new_id(NOW_S) + "/..")))
