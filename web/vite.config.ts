import { defineConfig } from "vitest/config";

// The page in each of its states, for who looks at it: tests/browser/gallery.py builds it.
const GALLERY = ["gallery.html"];
// Beside the page of a call: the records of calls, the page of operators, and the chat.
const SERVED = ["index.html", "calls.html", "operations.html", "chat.html"];

export default defineConfig(({ mode }) => ({
  build: {
    target: "es2022",
    // The LiveKit client alone is 530 kB (140 kB compressed), and the page is nothing without it.
    chunkSizeWarningLimit: 700,
    // A data: URL would need a wider content security policy.
    assetsInlineLimit: 0,
    rolldownOptions: { input: mode === "gallery" ? GALLERY : SERVED },
  },
  // `npm run dev` beside a running `./run up`.
  server: {
    proxy: { "/api": "http://127.0.0.1:8080", "/ws": { target: "ws://127.0.0.1:8080", ws: true } },
  },
  test: { include: ["src/**/*.test.ts"] },
}));
