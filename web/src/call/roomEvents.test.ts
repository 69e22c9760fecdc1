import { expect, test } from "vitest";
import { decodeRoomEvent } from "./roomEvents";

const bytes = (text: string) => new TextEncoder().encode(text);

test("a turn's stages are read, missing and senseless ones as null", () => {
  const event = decodeRoomEvent(
    bytes(
      '{"type":"turn","turn":3,"stages":{"endpointing_ms":300.5,"asr_ms":null,"llm_first_token_ms":-4,"total_ms":512,"later":1}}',
    ),
  );
  expect(event).toEqual({
    type: "turn",
    turn: 3,
    filler: false,
    stages: {
      endpointing_ms: 300.5,
      asr_ms: null,
      llm_first_token_ms: null,
      tts_first_audio_ms: null,
      total_ms: 512,
    },
  });
});

test("errors and interruptions are read", () => {
  expect(decodeRoomEvent(bytes('{"type":"interrupted"}'))).toEqual({
    type: "interrupted",
    heard: "",
  });
  expect(decodeRoomEvent(bytes('{"type":"interrupted","heard":"Well"}'))).toEqual({
    type: "interrupted",
    heard: "Well",
  });
  expect(decodeRoomEvent(bytes('{"type":"floor","floor":"held","at_s":1}'))).toEqual({
    type: "floor",
    floor: "held",
  });
  expect(decodeRoomEvent(bytes('{"type":"floor","floor":"first"}'))).toBeNull();
  expect(
    decodeRoomEvent(bytes('{"type":"error","code":"tts_unavailable","message":"no voice"}')),
  ).toEqual({ type: "error", code: "tts_unavailable", message: "no voice", fatal: false });
});

test.each([
  ["not JSON", bytes("turn")],
  ["not UTF-8", new Uint8Array([0xff, 0xfe])],
  ["empty", new Uint8Array()],
  ["no object", bytes("[1]")],
  ["null", bytes("null")],
  ["an event of the future", bytes('{"type":"weather"}')],
  ["a turn without stages", bytes('{"type":"turn","turn":1,"stages":null}')],
  ["an error without words", bytes('{"type":"error","code":"x"}')],
])("what is no event is ignored: %s", (_, payload) => {
  expect(decodeRoomEvent(payload)).toBeNull();
});

test("that an error is over is read", () => {
  expect(decodeRoomEvent(bytes('{"type":"recovered","code":"asr_unavailable"}'))).toEqual({
    type: "recovered",
    code: "asr_unavailable",
  });
  expect(decodeRoomEvent(bytes('{"type":"recovered"}'))).toBeNull();
});
