import type { Problem, Remedy } from "../call/problems";
import { Icon } from "./Icon";

const LABELS: Record<Remedy, string> = {
  "call-again": "Call again",
  "go-on": "Call again",
  "type-instead": "Type instead",
  "use-microphone": "Try again",
  hear: "Play the sound",
};

export function ProblemBanner(props: {
  problem: Problem | null;
  onRemedy: (remedy: Remedy) => void;
  onDismiss: () => void;
}) {
  const { problem, onRemedy, onDismiss } = props;
  return (
    <div role="alert" class="problem-place">
      {problem && (
        <div class="problem" data-code={problem.code}>
          <div class="problem-words">
            <strong>{problem.title}</strong>
            <p>{problem.detail}</p>
          </div>
          {problem.remedies.length > 0 && (
            <div class="problem-remedies">
              {problem.remedies.map((remedy) => (
                <button key={remedy} type="button" class="button" onClick={() => onRemedy(remedy)}>
                  {LABELS[remedy]}
                </button>
              ))}
            </div>
          )}
          <button
            type="button"
            class="button-plain problem-close"
            aria-label="Dismiss"
            onClick={onDismiss}
          >
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
