import { defineConfig } from "vitest/config";

export default defineConfig({
  build: {
    target: "es2022",
    // The LiveKit client alone is 530 kB (140 kB compressed), and the page is nothing without it.
    chunkSizeWarningLimit: 700,
    // A data: URL would need a wider content security policy.
    assetsInlineLimit: 0,
    // Beside the page of a call: the records of calls, the page of operators, and the chat.
    rolldownOptions: { input: ["index.html", "calls.html", "operations.html", "chat.html"] },
  },
  // `npm run dev` beside a running `./run up`.
  server: {
    proxy: { "/api": "http://127.0.0.1:8080", "/ws": { target: "ws://127.0.0.1:8080", ws: true } },
  },
  test: { include: ["src/**/*.test.ts"] },
});
