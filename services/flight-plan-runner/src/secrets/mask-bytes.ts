/** What stands in the place of a secret. */
export const MASK = "***";
const MASK_BYTES = Buffer.from(MASK);

/** The beginning of a secret at the end of everything counts as one from this many bytes on: it may have been cut off there. */
const CUT_OFF_BYTES = 8;

export interface ByteMask {
  /** What of it can be shown by now: all but what may be the beginning of a secret. */
  write(chunk: Uint8Array): Uint8Array;
  /** What was held back, when nothing more comes. */
  end(): Uint8Array;
}

/**
 * Masks bytes as they come. What any pattern covers is masked, and what lies together is masked once, so that it makes no
 * difference how the whole is cut into chunks. Held back is only what is the beginning of a pattern, at most all of
 * the longest but one byte: lines that hold no secret go through at once.
 */
export function createByteMask(patterns: readonly Uint8Array[]): ByteMask {
  const secrets = patterns.filter(({ length }) => length > 0).map((one) => Buffer.from(one));
  let held = Buffer.alloc(0);
  /** For each byte that is held whether a pattern covers it already. */
  let heldCovers = Buffer.alloc(0);
  /** Whether the last byte that was shown is within a mask. */
  let isWithin = false;

  const show = (data: Buffer, covers: Buffer, until: number): Uint8Array => {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < until; ) {
      const isCovered = covers[at] === 1;
      const next = covers.indexOf(isCovered ? 0 : 1, at);
      const end = next < 0 || next > until ? until : next;
      if (!isCovered) parts.push(data.subarray(at, end));
      else if (!isWithin) parts.push(MASK_BYTES);
      isWithin = isCovered;
      at = end;
    }
    held = Buffer.from(data.subarray(until));
    heldCovers = Buffer.from(covers.subarray(until));
    return Buffer.concat(parts);
  };

  return {
    write(chunk) {
      const data = Buffer.concat([held, chunk]);
      const covers = Buffer.alloc(data.length);
      heldCovers.copy(covers);
      for (const secret of secrets) cover(data, secret, covers);
      const open = Math.max(0, ...secrets.map((secret) => beginningAtEnd(data, secret)));
      return show(data, covers, data.length - open);
    },
    end() {
      const cutOff = Math.max(0, ...secrets.map((secret) => beginningAtEnd(held, secret)));
      if (cutOff >= CUT_OFF_BYTES) heldCovers.fill(1, held.length - cutOff);
      const rest = show(held, heldCovers, held.length);
      isWithin = false;
      return rest;
    },
  };
}

/** All occurrences, also those that overlap. */
function cover(data: Buffer, secret: Buffer, covers: Buffer): void {
  for (let at = data.indexOf(secret); at >= 0; at = data.indexOf(secret, at + 1))
    covers.fill(1, at, at + secret.length);
}

/** How many of the last bytes are the beginning of a secret, which may go on. */
function beginningAtEnd(data: Buffer, secret: Buffer): number {
  const [first = 0] = secret;
  const from = Math.max(0, data.length - secret.length + 1);
  for (let at = data.indexOf(first, from); at >= 0; at = data.indexOf(first, at + 1))
    if (data.subarray(at).equals(secret.subarray(0, data.length - at))) return data.length - at;
  return 0;
}

/** All of a text at once. */
export function maskText(patterns: readonly Uint8Array[], text: string): string {
  if (patterns.length === 0) return text;
  const mask = createByteMask(patterns);
  return Buffer.concat([mask.write(Buffer.from(text)), mask.end()]).toString();
}
