import { z } from "zod";

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MAX_MS = 366 * 86_400_000;

/** Milliseconds on the wire; people may also write `250ms`, `30s`, `5m`, `2h` or `1d` (design §5). */
export const Duration = z.union([z.number(), z.string()]).transform((value, ctx): number => {
  const ms = typeof value === "number" ? value : parseDuration(value);
  if (ms === undefined || !Number.isFinite(ms) || ms < 0 || ms > MAX_MS) {
    ctx.addIssue({ code: "custom", message: "must be a duration like 30s, 5m or a number of milliseconds" });
    return z.NEVER;
  }
  return Math.round(ms);
});

/** Milliseconds of `30s`, `1.5h`, `250`; undefined where the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]) * (UNIT_MS[match[2] ?? "ms"] ?? 1);
}
