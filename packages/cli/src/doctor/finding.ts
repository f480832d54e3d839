/** What a check found: `wrong` makes `doctor` end with 1, `warning` is for a person to know. */
export interface Finding {
  readonly check: string;
  readonly status: "ok" | "warning" | "wrong";
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export const ok = (check: string, found: string): Finding => ({ check, status: "ok", found });
export const warning = (check: string, found: string, remedy: string): Finding => ({
  check,
  status: "warning",
  found,
  remedy,
});
export const wrong = (check: string, found: string, remedy: string): Finding => ({
  check,
  status: "wrong",
  found,
  remedy,
});
