import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formsOfSecret } from "../src/secrets/forms-of-secret.ts";
import { maskText } from "../src/secrets/mask-bytes.ts";

const shown = (secret: string, text: string): string => maskText(formsOfSecret(secret), text);

const SECRET = "p/ss+w\"rd '1%é?#& x";
const TURNS_UP: readonly (readonly [string, string])[] = [
  ["as it is", SECRET],
  ["in JSON", JSON.stringify({ password: SECRET })],
  ["in JSON within JSON", JSON.stringify({ said: JSON.stringify(SECRET) })],
  ["in a path", new URL(`http://host/${encodeURIComponent(SECRET)}/x`).href],
  ["in a path with small digits", encodeURIComponent(SECRET).replaceAll(/%../g, (hex) => hex.toLowerCase())],
  ["in a form", new URLSearchParams({ password: SECRET }).toString()],
  ["in a shell's own words", `'${SECRET.replaceAll("'", "'\\''")}'`],
  ["in base64", Buffer.from(SECRET).toString("base64")],
  ["in base64 of an address", Buffer.from(SECRET).toString("base64url")],
  ["in hexadecimal digits", Buffer.from(SECRET).toString("hex")],
  ["in large ones", Buffer.from(SECRET).toString("hex").toUpperCase()],
];

describe("a secret that turns up in another form", () => {
  it.each(TURNS_UP)("%s is masked", (_how, text) => {
    const left = shown(SECRET, text);
    expect(left).toContain("***");
    expect(left.replaceAll(/password|said|http:\/\/host/g, "")).not.toMatch(/[a-z0-9+/%]{3,}/i);
  });

  it("is masked in an address that was put together without encoding it", () => {
    for (const address of ["http://host/a/b'c|d^e{f}g", "http://host/?q=b'c|d^e{f}g"]) {
      const secret = address.slice(address.lastIndexOf(address.includes("?") ? "=" : "/") + 1);
      expect(shown(secret, new URL(address).href)).toMatch(/(=|\/)\*\*\*$/);
    }
  });

  it("is masked in base64 of whatever it stands in, but for a character at either end", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 6, maxLength: 40 }).filter((text) => text.trim() === text),
        fc.string({ maxLength: 9 }),
        fc.string({ maxLength: 9 }),
        (secret, before, behind) => {
          const text = Buffer.from(before + secret + behind).toString("base64");
          const most =
            Math.ceil((Buffer.byteLength(before) * 4) / 3) + Math.ceil((Buffer.byteLength(behind) * 4) / 3);
          expect(shown(secret, text).replaceAll("***", "").replaceAll("=", "").length).toBeLessThanOrEqual(
            most + 2,
          );
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("is masked line by line where it has several", () => {
    const key = "-----BEGIN KEY-----\nMIIabcdefgh\nqrstuvwxyz\n-----END KEY-----\n";
    expect(shown(key, "read: qrstuvwxyz")).toBe("read: ***");
    expect(shown(key, `all: ${key.trim()}.`)).toBe("all: ***.");
  });
});
