import { createLocalAudioTrack, type LocalAudioTrack } from "livekit-client";
import { useEffect, useRef, useState } from "preact/hooks";
import { Meter } from "../call/meter";
import { microphoneProblem, type Problem } from "../call/problems";

/** A voice in a quiet room is well above it; the hum of a machine is below. */
const HEARD_LEVEL = 0.15;

/** Opens the microphone before a call, and shows how loud it is. */
export function MicrophoneTest({ device }: { device: string }) {
  const [wanted, setWanted] = useState(false);
  const [track, setTrack] = useState<LocalAudioTrack | null>(null);
  const [heard, setHeard] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const meter = useRef<HTMLMeterElement>(null);

  useEffect(() => {
    if (!wanted) return;
    let over = false;
    let opened: LocalAudioTrack | null = null;
    setProblem(null);
    setHeard(false);
    createLocalAudioTrack(device ? { deviceId: device } : {})
      .then((made) => {
        opened = made;
        if (over) made.stop();
        else setTrack(made);
      })
      .catch((error: unknown) => {
        if (over) return;
        setProblem(microphoneProblem(error, window.isSecureContext, navigator.userAgent));
        setWanted(false);
      });
    return () => {
      over = true;
      opened?.stop();
      setTrack(null);
    };
  }, [wanted, device]);

  useEffect(() => {
    if (!track) return;
    const level = new Meter(track);
    let frame = 0;
    const draw = () => {
      const now = level.level();
      if (meter.current) meter.current.value = now;
      if (now > HEARD_LEVEL) setHeard(true);
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => {
      cancelAnimationFrame(frame);
      level.close();
    };
  }, [track]);

  return (
    <div class="microphone-test">
      <button type="button" class="button" onClick={() => setWanted(!wanted)}>
        {wanted ? "Stop the test" : "Test the microphone"}
      </button>
      {wanted && <meter ref={meter} min={0} max={1} aria-label="Level of the microphone" />}
      <p role="status">
        {problem?.detail}
        {track && (heard ? "You are heard." : "Say something.")}
      </p>
    </div>
  );
}
