"""What LiveKit lets the holder of a token do, asked of a real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from livekit import api, rtc
from pydantic import SecretStr

from gateway.calls.tokens import CallAccess, CallTokens, CallWish
from ops.supervisor.stack import Stack
from parley.room_events import DispatchMetadata

pytestmark = pytest.mark.servers


@pytest.fixture
def tokens(livekit: Stack) -> CallTokens:
    keys = livekit.keys
    settings = livekit.configuration.orchestrator.livekit
    secret = SecretStr(keys.api_secret)
    return CallTokens(settings.model_copy(update={"api_key": keys.api_key, "api_secret": secret}))


@asynccontextmanager
async def joined(access: CallAccess, *, token: str | None = None) -> AsyncIterator[rtc.Room]:
    room = rtc.Room()
    await room.connect(access.url, token or access.token)
    try:
        yield room
    finally:
        await room.disconnect()


async def test_joining_makes_the_room_and_dispatches_the_agent(
    livekit: Stack, tokens: CallTokens
) -> None:
    access = tokens.grant(CallWish(voice="amy"))
    keys = livekit.keys
    async with (
        joined(access) as room,
        api.LiveKitAPI(access.url, keys.api_key, keys.api_secret) as server,
    ):
        assert room.name == access.room
        assert room.local_participant.identity == access.identity
        (made,) = (await server.room.list_rooms(api.ListRoomsRequest(names=[access.room]))).rooms
        assert (made.max_participants, made.empty_timeout, made.departure_timeout) == (2, 30, 5)
        (dispatch,) = await server.agent_dispatch.list_dispatch(access.room)
        assert dispatch.agent_name == "parley"
        told = DispatchMetadata.model_validate_json(dispatch.metadata)
        assert (told.voice, told.user) == ("amy", access.identity)
        person = await server.room.get_participant(
            api.RoomParticipantIdentity(room=access.room, identity=access.identity)
        )
        assert person.attributes["parley.session"] == told.session


async def test_a_camera_cannot_be_published_where_a_microphone_can(tokens: CallTokens) -> None:
    camera = rtc.LocalVideoTrack.create_video_track("camera", rtc.VideoSource(64, 64))
    microphone = rtc.LocalAudioTrack.create_audio_track("microphone", rtc.AudioSource(48000, 1))
    async with joined(tokens.grant()) as room:
        person = room.local_participant
        await person.publish_track(
            microphone, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        )
        with pytest.raises(rtc.participant.PublishTrackError):
            await person.publish_track(
                camera, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
            )


async def test_a_caller_may_tell_of_itself_and_cannot_pass_for_an_agent_or_another(
    livekit: Stack, tokens: CallTokens
) -> None:
    access = tokens.grant()
    async with (
        joined(access) as room,
        api.LiveKitAPI(access.url, livekit.keys.api_key, livekit.keys.api_secret) as server,
    ):
        await room.local_participant.set_attributes({"mood": "good", "lk.agent.state": "speaking"})
        identity = api.RoomParticipantIdentity(room=access.room, identity=access.identity)
        known = await server.room.get_participant(identity)
        assert known.attributes["mood"] == "good"
        assert known.identity == access.identity
        assert known.kind == api.ParticipantInfo.Kind.STANDARD
        assert not known.permission.agent


async def test_a_token_signed_by_somebody_else_opens_nothing(
    livekit: Stack, tokens: CallTokens
) -> None:
    settings = livekit.configuration.orchestrator.livekit
    forger = CallTokens(
        settings.model_copy(
            update={"api_key": livekit.keys.api_key, "api_secret": SecretStr("x" * 40)}
        )
    )
    with pytest.raises(rtc.ConnectError):
        async with joined(forger.grant()):
            pass


async def test_a_room_is_full_with_its_caller(livekit: Stack, tokens: CallTokens) -> None:
    """Whoever came by the keys of a room still finds no place beside the caller and its return."""
    access = tokens.grant()

    def token(identity: str) -> str:
        keys = livekit.keys
        grants = api.VideoGrants(room_join=True, room=access.room)
        signed = api.AccessToken(keys.api_key, keys.api_secret).with_identity(identity)
        return signed.with_grants(grants).to_jwt()

    async with joined(access), joined(access, token=token("second")):
        with pytest.raises(rtc.ConnectError):
            async with joined(access, token=token("third")):
                pass
