import { useEffect, useState } from "preact/hooks";
import type { Call } from "../call/call";
import type { StoryState } from "../call/story";

/** What was told of the call so far. */
export function useStory(call: Call): StoryState {
  const { story } = call;
  useEffect(() => story.follow(call), [story, call]);
  const [state, setState] = useState(story.state);
  useEffect(() => {
    setState(story.state);
    return story.subscribe(() => setState(story.state));
  }, [story]);
  return state;
}
