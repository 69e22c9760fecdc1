/**
 * Puts a button on a page of one's own that opens a call with Parley:
 *
 *   <script src="https://host/embed.js" data-app="shop" data-label="Talk to us" async></script>
 *
 * data-app: one of the apps of this Parley; data-label: the button's words; data-side: left or
 * right. The page's origin must be in server.allowed_origins. `Parley.open()` and `Parley.close()`
 * do what the button does; there is no other global.
 */
(() => {
  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  if (!script || "Parley" in window) return;
  const origin = new URL(script.src).origin;
  const { app = "", label = "Talk to us", side = "right" } = script.dataset;

  const style = new CSSStyleSheet(); // not an element: a page's policy may forbid those
  style.replaceSync(`
    :host { all: initial; color-scheme: light dark; }
    button { font: 500 1rem/1 system-ui, sans-serif; cursor: pointer; }
    button:focus-visible { outline: 3px solid #fffdf8; outline-offset: -6px; }
    .open { position: fixed; bottom: 1.25rem; z-index: 2147483647; min-height: 3.25rem;
      padding: 0 1.5rem; border: 0; border-radius: 1.625rem; background: #0f6d72; color: #fffdf8;
      box-shadow: 0 2px 12px rgb(0 0 0 / 0.3); }
    .open[data-in-call]::before { content: ""; display: inline-block; width: 0.625rem;
      height: 0.625rem; margin-right: 0.625rem; border-radius: 50%; background: #f09371; }
    .call { position: fixed; bottom: 5.25rem; z-index: 2147483647; display: flex;
      flex-direction: column; width: min(24rem, 100vw - 2rem);
      height: min(38rem, 100vh - 6.5rem); overflow: hidden; border-radius: 0.75rem;
      background: #f4f1e9; color: #1c232b; box-shadow: 0 4px 32px rgb(0 0 0 / 0.35); }
    .call[hidden] { display: none; }
    .right { right: 1.25rem; }
    .left { left: 1.25rem; }
    .close { align-self: flex-end; min-width: 2.75rem; min-height: 2.75rem; border: 0;
      background: none; color: inherit; }
    .close:focus-visible { outline-color: #0f6d72; }
    iframe { flex: 1; width: 100%; border: 0; }
    @media (prefers-color-scheme: dark) { .call { background: #11161a; color: #ebe6da; } }
  `);

  const host = document.createElement("parley-call");
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [style];

  const edge = side === "left" ? "left" : "right";
  const button = document.createElement("button");
  button.type = "button";
  button.className = `open ${edge}`;
  button.textContent = label;
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-haspopup", "dialog");

  const dialog = document.createElement("div");
  dialog.className = `call ${edge}`;
  dialog.setAttribute("role", "dialog");
  dialog.setAttribute("aria-label", label);
  dialog.hidden = true;
  const closing = document.createElement("button");
  closing.type = "button";
  closing.className = "close";
  closing.setAttribute("aria-label", "Close");
  closing.textContent = "✕";
  dialog.append(closing);
  root.append(dialog, button);

  /** @type {HTMLIFrameElement | null} */
  let frame = null;

  /** The page is loaded when it is first wanted, and stays: a hidden call goes on. */
  function load() {
    const address = new URL("/?embed=1", origin);
    if (app) address.searchParams.set("app", app);
    const made = document.createElement("iframe");
    made.title = label;
    made.allow = "microphone; autoplay; speaker-selection";
    made.src = address.href;
    dialog.append(made);
    return made;
  }

  function open() {
    frame ??= load();
    dialog.hidden = false;
    button.setAttribute("aria-expanded", "true");
    frame.focus();
  }

  function close() {
    if (dialog.hidden) return;
    dialog.hidden = true;
    button.setAttribute("aria-expanded", "false");
    button.focus();
  }

  button.addEventListener("click", () => (dialog.hidden ? open() : close()));
  closing.addEventListener("click", close);
  dialog.addEventListener("keydown", (event) => event.key === "Escape" && close());
  window.addEventListener("message", ({ origin: from, source, data }) => {
    if (from !== origin || !frame || source !== frame.contentWindow) return;
    if (data?.parley === "phase") button.toggleAttribute("data-in-call", data.phase !== "idle");
    if (data?.parley === "close") close();
  });

  Object.defineProperty(window, "Parley", {
    value: Object.freeze({ open, close }),
    configurable: true,
  });

  /** Where the page may not be shown there is no button, and the console says what to do. */
  async function appear() {
    const allowed = await fetch(`${origin}/liveness`, { credentials: "omit" }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (!allowed && origin !== location.origin) {
      console.error(
        `Parley at ${origin} cannot be embedded here: it does not answer, or ` +
          `${location.origin} is not in its server.allowed_origins`,
      );
      return;
    }
    document.body.append(host);
  }

  if (document.body) void appear();
  else document.addEventListener("DOMContentLoaded", () => void appear(), { once: true });
})();
