import { useEffect, useState } from "preact/hooks";
import type { Call } from "../call/call";
import type { CallState } from "../call/state";

export function useCallState(call: Call): CallState {
  const [state, setState] = useState(call.state);
  useEffect(() => {
    setState(call.state);
    return call.subscribe(() => setState(call.state));
  }, [call]);
  return state;
}
