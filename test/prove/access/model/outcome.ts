import type { Outcome } from "./operations.ts";

export const no = (code: string): Outcome => ({ ok: false, code });
export const yes = (shows: unknown): Outcome => ({ ok: true, shows });
