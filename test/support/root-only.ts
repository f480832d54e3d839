import { execFileSync } from "node:child_process";

/** Why what only root may do cannot be done here; undefined where it can. */
export function whyNotRoot(...commands: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return "not run by root";
  for (const command of commands) {
    try {
      execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    } catch {
      return `there is no ${command}`;
    }
  }
  return undefined;
}

/** The name of a test that is skipped says why, so that nobody takes it for one that passed. */
export const named = (name: string, why: string | undefined): string =>
  why === undefined ? name : `${name} [SKIPPED: ${why}]`;
