import { type Break, breakText } from "../call/breaks";

/** A line across the transcript, where another agent took over. */
export function TranscriptBreak({ gap }: { gap: Break }) {
  return (
    <p class="break" data-history={gap.history}>
      {breakText(gap)}
    </p>
  );
}
