/** Progress goes to stderr: stdout belongs to the report. */
export function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
