import { useEffect, useState } from "preact/hooks";
import type { Story, StoryState } from "../call/story";

/** What the agent has told of the call so far. */
export function useStory(story: Story): StoryState {
  const [state, setState] = useState(story.state);
  useEffect(() => {
    setState(story.state);
    return story.subscribe(() => setState(story.state));
  }, [story]);
  return state;
}
