import type { Story } from "../call/story";
import { EventLog } from "./EventLog";
import { ToolRuns } from "./ToolRuns";
import { TurnLatency } from "./TurnLatency";
import { useStory } from "./useStory";

/** What goes on in the call beside its words; it stays to be read after it. */
export function CallPanels({ story }: { story: Story }) {
  const { turns, tools, log } = useStory(story);
  return (
    <>
      <TurnLatency turns={turns} />
      <ToolRuns tools={tools} />
      {log.length > 0 && <EventLog log={log} />}
    </>
  );
}
