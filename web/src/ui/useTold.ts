import { useEffect, useState } from "preact/hooks";
import type { Story, Told } from "../call/story";

/** What the agent has told of the call so far. */
export function useTold(story: Story): Told {
  const [told, setTold] = useState(story.told);
  useEffect(() => {
    setTold(story.told);
    return story.subscribe(() => setTold(story.told));
  }, [story]);
  return told;
}
