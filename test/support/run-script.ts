import { spawn } from "node:child_process";

/** A script of the repository as a command, to its end: its exit code, the lines that it printed, and what it complained of. */
export function runScript(
  file: string,
  args: readonly string[],
): Promise<{ code: number | null; lines: string[]; problem: string }> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let problem = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (problem += chunk.toString()));
  return new Promise((resolve) => {
    child.once("close", (code) => resolve({ code, lines: output.trimEnd().split("\n"), problem }));
  });
}
