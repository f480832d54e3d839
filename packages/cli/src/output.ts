import { EXIT, type ExitCode, reportOf } from "./errors.ts";
import { formatRecord, formatTable } from "./table.ts";

/**
 * The one place that writes: tables and lines for people; for machines one line of JSON, which is an object, or one for each
 * event of what goes on (`up`, `watch`, `action logs --follow`).
 */
export interface Output {
  readonly isJson: boolean;
  /** A result: with `--json` the value as it is, else the lines made of it. */
  result(value: unknown, lines: () => readonly string[]): void;
  table<T>(
    answer: { readonly items: readonly T[] },
    header: readonly string[],
    row: (item: T) => readonly string[],
  ): void;
  record(value: unknown, fields: () => readonly (readonly [string, string | undefined])[]): void;
  /** Progress for a person; nothing with `--json`. */
  readonly line: (text: string) => void;
  /** One event of many: a line for a person, a line of JSON for a machine. */
  event(value: unknown, text: string): void;
  raw(bytes: Uint8Array | string): void;
  /** Beside the results, for a person; never part of what a program reads. */
  readonly note: (text: string) => void;
}

const toStdout = (text: string | Uint8Array): void => void process.stdout.write(text);
const toStderr = (text: string): void => void process.stderr.write(text);
const json = (value: unknown): string => `${JSON.stringify(value)}\n`;

export function createOutput(isJson: boolean): Output {
  const result = (value: unknown, lines: () => readonly string[]): void => {
    if (isJson) return toStdout(json(value));
    for (const line of lines()) toStdout(`${line}\n`);
  };
  return {
    isJson,
    result,
    table: (answer, header, row) =>
      result(answer, () =>
        answer.items.length === 0 ? ["none"] : formatTable(header, answer.items.map(row)),
      ),
    record: (value, fields) => result(value, () => formatRecord(fields())),
    line: (text) => {
      if (!isJson) toStdout(`${text}\n`);
    },
    event: (value, text) => toStdout(isJson ? json(value) : `${text}\n`),
    raw: toStdout,
    note: (text) => toStderr(`${text}\n`),
  };
}

/** Says what went wrong, on stderr: a line for people, one object for machines. Gives the exit code. */
export function reportError(thrown: unknown, isJson: boolean): ExitCode {
  const report = reportOf(thrown);
  if (report === undefined) return EXIT.done;
  const { exitCode, ...error } = report;
  if (isJson && error.code !== "usage") toStderr(json({ error }));
  else if (error.message !== "") {
    const remedy = error.remedy === undefined ? "" : `\n  ${error.remedy}`;
    toStderr(`jm: ${error.message}${remedy}\n`);
  }
  return exitCode;
}
