import { type About, type AboutPart, healthText, isWell, keptText, placeOf } from "../call/about";
import { MicrophoneTest } from "./MicrophoneTest";

/** Who hears, thinks and speaks, whether it is well, the microphone, and what is kept. */
export function BeforeCall(props: {
  about: About | null;
  /** The voice that was chosen; empty: the usual one. */
  voice: string;
  /** The microphone that was chosen; empty: the browser's own choice. */
  microphone: string;
}) {
  const { about, voice, microphone } = props;
  return (
    <section class="before" aria-label="Before the call">
      {about && (
        <>
          <p class="before-health" data-well={isWell(about)}>
            {healthText(about)}
          </p>
          <dl class="before-parts">
            <PartLine label="Ear" part={about.ear} />
            <PartLine label="Mind" part={about.mind} />
            <PartLine label="Voice" part={{ ...about.voice, model: voice || about.voice.model }} />
          </dl>
          <p class="before-kept">{keptText(about.kept)}</p>
        </>
      )}
      <MicrophoneTest device={microphone} />
    </section>
  );
}

function PartLine({ label, part }: { label: string; part: AboutPart | null }) {
  const place = part ? placeOf(part, location.hostname) : "";
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        {part ? part.model || "not known" : "none: you type"}
        {part?.ok === false && <small class="before-away">does not answer</small>}
        {place && <small>{place}</small>}
      </dd>
    </div>
  );
}
