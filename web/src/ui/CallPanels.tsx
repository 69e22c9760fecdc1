import type { Call } from "../call/call";
import { EventLog } from "./EventLog";
import { ToolRuns } from "./ToolRuns";
import { TurnLatency } from "./TurnLatency";
import { useStory } from "./useStory";

/** What goes on in the call beside its words; it stays to be read after it. */
export function CallPanels({ call }: { call: Call }) {
  const { turns, tools, log } = useStory(call);
  return (
    <>
      <TurnLatency turns={turns} />
      <ToolRuns tools={tools} />
      {log.length > 0 && <EventLog log={log} />}
    </>
  );
}
