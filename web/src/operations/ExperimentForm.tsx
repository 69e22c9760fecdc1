import { useState } from "preact/hooks";
import type { Draft } from "./api";

/** A control against one treatment, half and half; the API takes more. */
export function ExperimentForm(props: {
  onDraft: (draft: Draft) => Promise<void>;
  onCancel: () => void;
}) {
  const [problem, setProblem] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(given.get(name) ?? "").trim();
    try {
      await props.onDraft({
        name: text("name"),
        hypothesis: text("hypothesis"),
        metric: text("metric") || "conversion",
        user_percentage: Number(text("users")),
        variants: [
          { name: "control", type: "control", traffic_percentage: 50, config: {} },
          { name: "treatment", type: "treatment", traffic_percentage: 50, config: changes(text) },
        ],
      });
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form class="card draft" onSubmit={submit}>
      <Field name="name" label="Name" required />
      <Field name="hypothesis" label="Hypothesis" />
      <Field name="metric" label="Metric" />
      <Field name="users" label="Users who take part, %" numeric value="100" />
      <fieldset>
        <legend>What is different for the treatment</legend>
        <Field name="model" label="Model" />
        <Field name="temperature" label="Temperature" numeric />
        <Field name="voice" label="Voice" />
        <Field name="instructions" label="Instructions" />
      </fieldset>
      {problem && (
        <p class="alarm" role="alert">
          {problem}
        </p>
      )}
      <div class="buttons">
        <button type="submit" class="button">
          Create draft
        </button>
        <button type="button" class="button" onClick={props.onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function changes(text: (name: string) => string): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const name of ["model", "voice", "instructions"]) {
    if (text(name) !== "") config[name] = text(name);
  }
  if (text("temperature") !== "") config.temperature = Number(text("temperature"));
  return config;
}

function Field(props: {
  name: string;
  label: string;
  numeric?: boolean;
  value?: string;
  required?: boolean;
}) {
  const id = `draft-${props.name}`;
  return (
    <label class="field" for={id}>
      {props.label}
      <input
        id={id}
        name={props.name}
        type="text"
        inputmode={props.numeric ? "decimal" : "text"}
        defaultValue={props.value ?? ""}
        required={props.required ?? false}
      />
    </label>
  );
}
