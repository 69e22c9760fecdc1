/** What the page's address asks for: `/?app=NAME` who answers, `/?embed=1` a small page. */

export interface AddressWishes {
  /** One of the apps of this Parley; empty: the usual one. */
  readonly app: string;
  /** In a frame of another page, which `embed.js` has made. */
  readonly embedded: boolean;
}

export function readAddress(search: string): AddressWishes {
  const wishes = new URLSearchParams(search);
  return { app: wishes.get("app") ?? "", embedded: wishes.get("embed") === "1" };
}
