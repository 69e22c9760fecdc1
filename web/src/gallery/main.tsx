/** /gallery.html?state=NAME: the page in one state. It is in no build that is served. */

import { render } from "preact";
import { type CallState, IDLE } from "../call/state";
import "../style/theme.css";
import "../style/layout.css";
import "../style/call.css";
import "../style/products.css";
import "../style/visit.css";
import { App } from "../ui/App";
import { StagedCall } from "./StagedCall";
import { FIRSTS, STATES } from "./states";

declare global {
  interface Window {
    /** For who drives the page: puts the call in a state by its name, or changes it. */
    enter: (name: string) => void;
    show: (change: Partial<CallState>) => void;
    states: typeof STATES;
    firsts: typeof FIRSTS;
  }
}

/** Time for the ribbon to fill before the turn that it shows is told. */
const TURN_AFTER_MS = 5000;
const RETRY_AFTER_MS = 10_000;

const page = document.getElementById("page");
if (!page) throw new Error("gallery.html has no #page");
const call = new StagedCall(IDLE);

function enter(name: string): void {
  const staged = STATES[name]?.state ?? IDLE;
  const state = staged.retryAt ? { ...staged, retryAt: Date.now() + RETRY_AFTER_MS } : staged;
  const inCall = state.phase !== "idle";
  call.show(inCall ? { ...state, turn: null } : state);
  if (inCall && state.turn) setTimeout(() => call.show({ turn: state.turn }), TURN_AFTER_MS);
}

const show = (change: Partial<CallState>) => call.show(change);
Object.assign(window, { enter, show, states: STATES, firsts: FIRSTS });
enter(new URLSearchParams(location.search).get("state") ?? "");
render(<App call={call} embedded={false} />, page);
