"""The rooms of the tests' LiveKit server: tokens for them, and what their owner may do."""

from dataclasses import dataclass

from livekit import api


@dataclass(frozen=True)
class LiveKit:
    url: str
    key: str
    secret: str

    def token(self, identity: str, room: str, *, agent: bool = False) -> str:
        grants = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=agent)
        token = api.AccessToken(self.key, self.secret).with_identity(identity).with_grants(grants)
        return (token.with_kind("agent") if agent else token).to_jwt()

    async def participants(self, room: str) -> set[str]:
        async with self._server() as server:
            answer = await server.room.list_participants(api.ListParticipantsRequest(room=room))
        return {participant.identity for participant in answer.participants}

    async def remove(self, identity: str, room: str) -> None:
        """Puts a participant out of the room."""
        async with self._server() as server:
            who = api.RoomParticipantIdentity(room=room, identity=identity)
            await server.room.remove_participant(who)

    def _server(self) -> api.LiveKitAPI:
        return api.LiveKitAPI(self.url, self.key, self.secret)
