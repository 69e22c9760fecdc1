/**
 * Leaves beside each file of dist that shrinks a copy in brotli and one in gzip. The gateway sends
 * those (gateway/built_files.py), so that nothing is compressed while people wait.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const SHRINKS = /\.(css|html|js|json|svg|webmanifest)$/;
const DIST = "dist";

for (const name of readdirSync(DIST, { recursive: true })) {
  if (!SHRINKS.test(name)) continue;
  const file = join(DIST, name);
  const plain = readFileSync(file);
  // Both at their strongest by default: 11 and, asked for, 9.
  const copies = { ".br": brotliCompressSync(plain), ".gz": gzipSync(plain, { level: 9 }) };
  for (const [ending, packed] of Object.entries(copies)) {
    if (packed.length < plain.length) writeFileSync(file + ending, packed);
  }
}
