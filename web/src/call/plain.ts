/** What a banner may quote: never a token, an address, or the words of a program. */

/** As programs write them. */
const CASED = /eyJ|\w+Error\b|Traceback|StatusCode|0x[0-9a-f]+|[{}<>\\]|\bat \w+\.\w+|\.\w+:\d/;
const ADDRESS = new RegExp(
  [
    "grpc",
    "https?|wss?:",
    "\\b\\d{1,3}(\\.\\d{1,3}){3}\\b", // 127.0.0.1
    "[\\w\\]]:\\d{3,5}\\b", // localhost:7880
  ].join("|"),
  "i",
);
const LONGEST = 200;

/** `message` as a sentence, or `otherwise` where a visitor would not understand it. */
export function plain(message: string, otherwise: string): string {
  const text = message.trim();
  if (!text || text.length > LONGEST || CASED.test(text) || ADDRESS.test(text)) return otherwise;
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
}

const TOKEN = /\beyJ[\w-]*\.[\w-]+(\.[\w-]*)?/g;

/** Writes what really went wrong where developers look, without access tokens. */
export function logDetails(code: string, error: unknown): void {
  const words = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  console.warn(`parley ${code}: ${words.replace(TOKEN, "…")}`);
}
