import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createByteMask } from "../src/secrets/mask-bytes.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

/** What a mask is to come to, a character at a time: covered is what lies in any occurrence, or is cut off at the end. */
function masked(secrets: readonly string[], text: string): string {
  const covered = new Set<number>();
  for (let at = 0; at < text.length; at += 1)
    for (const secret of secrets) {
      const isCutOff = text.length - at >= 8 && secret.startsWith(text.slice(at));
      if (text.startsWith(secret, at) || isCutOff)
        for (let one = at; one < Math.min(text.length, at + secret.length); one += 1) covered.add(one);
    }
  return Array.from(text)
    .map((character, at) => (!covered.has(at) ? character : covered.has(at - 1) ? "" : "***"))
    .join("");
}

function inChunks(secrets: readonly string[], chunks: readonly string[]): string {
  const mask = createByteMask(secrets.map(bytes));
  const shown = chunks.map((chunk) => mask.write(bytes(chunk)));
  return Buffer.concat([...shown, mask.end()]).toString("latin1");
}

/** Few letters, so that secrets are met, overlap and begin where others end. */
const secret = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 2, maxLength: 12 });
const secrets = fc.array(secret, { minLength: 1, maxLength: 4 });
const printed = fc
  .tuple(secrets, fc.array(fc.oneof(fc.constantFrom("x", "ab", "\n"), secret, fc.nat(3)), { maxLength: 30 }))
  .map(([known, parts]) => ({
    known,
    text: parts
      .map((part) => (typeof part === "number" ? (known[part % known.length] ?? "") : part))
      .join(""),
  }));

describe("the mask of what a step prints", () => {
  it("comes to the same however the whole is cut into chunks", () => {
    fc.assert(
      fc.property(printed, fc.array(fc.nat(12), { maxLength: 60 }), ({ known, text }, cuts) => {
        const chunks: string[] = [];
        let rest = text;
        for (const cut of cuts) {
          chunks.push(rest.slice(0, cut));
          rest = rest.slice(cut);
        }
        expect(inChunks(known, [...chunks, rest])).toBe(masked(known, text));
      }),
      { numRuns: 3_000 },
    );
  });

  it("masks a secret that is cut at any of its bytes, and at all of them", () => {
    const known = "correct-horse-battery";
    const text = `before ${known} between ${known}${known} behind`;
    for (let at = 0; at <= text.length; at += 1)
      expect(inChunks([known], [text.slice(0, at), text.slice(at)])).toBe("before *** between *** behind");
    expect(inChunks([known], Array.from(text))).toBe("before *** between *** behind");
  });

  it("holds nothing back but what may be the beginning of a secret", () => {
    const mask = createByteMask([bytes("secret-value")]);
    expect(Buffer.from(mask.write(bytes("a line\n"))).toString()).toBe("a line\n");
    expect(Buffer.from(mask.write(bytes("now a sec"))).toString()).toBe("now a ");
    expect(Buffer.from(mask.write(bytes("ond\n"))).toString()).toBe("second\n");
  });

  it("takes what is left of a secret that was cut off for one, and a few letters for what they are", () => {
    expect(inChunks(["secret-value"], ["ends in secret-va"])).toBe("ends in ***");
    expect(inChunks(["secret-value"], ["ends in secre"])).toBe("ends in secre");
  });

  it("masks all of two secrets of which one begins within the other", () => {
    expect(inChunks(["abcd", "cdef"], ["_abcd", "ef_"])).toBe("_***_");
  });
});
