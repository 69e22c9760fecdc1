/** How a visitor allows the microphone after refusing it, by browser: none asks a second time. */

const WAYS: readonly (readonly [RegExp, string])[] = [
  [
    /iPhone|iPad/,
    "Tap the page menu beside the address, then Website Settings, and allow the microphone.",
  ],
  [/Android.*Firefox/, "Tap the lock beside the address, then Permissions, and allow it."],
  [/Android/, "Tap the icon left of the address, then Permissions, and allow the microphone."],
  [/Firefox/, "Click the crossed-out microphone beside the address, and remove the block."],
  [/Chrome|Chromium|Edg/, "Click the icon left of the address, and switch the microphone on."],
  [/Safari/, "Open Safari's menu, then Settings for this website, and allow the microphone."],
];
const ANY = "Allow it for this page in the browser's address bar.";

/** One sentence; `browser` is its user agent. */
export function howToAllow(browser: string): string {
  return WAYS.find(([known]) => known.test(browser))?.[1] ?? ANY;
}

/** Calls `onAllowed` when the visitor allows the microphone, where the browser tells. */
export async function watchPermission(onAllowed: () => void): Promise<void> {
  try {
    const name = "microphone" as PermissionName; // which not every browser knows
    const status = await navigator.permissions.query({ name });
    status.addEventListener("change", () => {
      if (status.state === "granted") onAllowed();
    });
  } catch {
    // The browser does not tell: the visitor tries again.
  }
}
