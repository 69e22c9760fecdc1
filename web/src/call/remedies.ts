/** Does what a person chose to do about a problem. */

import type { Call } from "./call";
import type { Remedy } from "./problems";

export async function remedied(call: Call, remedy: Remedy): Promise<void> {
  switch (remedy) {
    case "hear":
      return call.hear();
    case "use-microphone":
      return call.toggleMicrophone();
    case "go-on":
      return call.again();
    case "call-again":
    case "type-instead":
      await call.end();
      await call.start(remedy === "call-again");
  }
}
