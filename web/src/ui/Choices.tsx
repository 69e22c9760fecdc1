import { useEffect, useState } from "preact/hooks";
import type { About } from "../call/about";
import { askFirst } from "../call/askFirst";
import type { Call } from "../call/call";

/** Who the agent is to be in the call, and what may be asked. */
export function Choices({ call, about }: { call: Call; about: About }) {
  const mayChoose = about.characters.length > 0 || about.instructions.allowed;
  return (
    <div class="choices">
      {mayChoose && <CharacterChoice call={call} about={about} />}
      {about.questions.length > 0 && (
        <section class="questions" aria-label="Examples of questions">
          {about.questions.map((question) => (
            <button
              key={question}
              type="button"
              class="button-link"
              onClick={() => askFirst(call, question)}
            >
              {question}
            </button>
          ))}
        </section>
      )}
    </div>
  );
}

function CharacterChoice({ call, about }: { call: Call; about: About }) {
  const { characters, instructions } = about;
  const [name, setName] = useState(call.asks.character);
  const [written, setWritten] = useState<string | null>(call.asks.instructions || null);
  const [opened] = useState(written !== null);
  const chosen = characters.find((each) => each.name === name);
  /** What the agent is told where nothing is written. */
  const preset = chosen?.instructions ?? instructions.usual;

  useEffect(() => {
    const own = instructions.allowed ? (written?.trim() ?? "") : "";
    call.asks = { character: chosen?.name ?? "", instructions: own };
  }, [call, chosen, written, instructions]);

  return (
    <div class="character">
      {characters.length > 0 && (
        <label class="field">
          Talk with
          <select
            value={chosen?.name ?? ""}
            onChange={(event) => {
              setName(event.currentTarget.value);
              setWritten(null);
            }}
          >
            <option value="">Parley</option>
            {characters.map((each) => (
              <option key={each.name} value={each.name}>
                {each.title}
              </option>
            ))}
          </select>
        </label>
      )}
      {instructions.allowed && (
        <details class="instructions" open={opened}>
          <summary>Instructions</summary>
          <textarea
            aria-label="Instructions"
            rows={6}
            maxLength={instructions.longest}
            value={written ?? preset}
            onInput={(event) => {
              const { value } = event.currentTarget;
              setWritten(value === preset ? null : value);
            }}
            onBlur={() => written?.trim() === "" && setWritten(null)}
          />
        </details>
      )}
    </div>
  );
}
