/** How long the page waits in a call, in ms; tests set `window.parleyLimits` to others. */

export interface Limits {
  /** Nothing at all has come over the line: it is lost. */
  readonly lineSilent_ms: number;
  /** The same where no sound of the agent is expected, and LiveKit alone sends now and then. */
  readonly quietLineSilent_ms: number;
  /** The agent's sound has stopped while other things still come. */
  readonly agentSilent_ms: number;
  /** A connection that takes longer may not come back at all: another call is offered. */
  readonly offer_ms: number;
  /** After so long a lost call has ended: nobody may be there any more, and the microphone waits. */
  readonly givenUp_ms: number;
  readonly agentExpected_ms: number;
  /** Between two tries to enter a call again. */
  readonly rejoin_ms: number;
  /** In which a second Esc ends the call. */
  readonly endWithin_ms: number;
  /** Of LiveKit's client, before each try to get its connection back; null: its own. */
  readonly livekitRetries_ms: readonly number[] | null;
}

const DEFAULTS: Limits = {
  lineSilent_ms: 2_400,
  quietLineSilent_ms: 4_500,
  agentSilent_ms: 1_800,
  offer_ms: 20_000,
  givenUp_ms: 300_000,
  agentExpected_ms: 10_000,
  rejoin_ms: 2_000,
  endWithin_ms: 2_000,
  livekitRetries_ms: null,
};

export function limits(): Limits {
  return { ...DEFAULTS, ...(Reflect.get(globalThis, "parleyLimits") as Partial<Limits>) };
}
