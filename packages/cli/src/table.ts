/** Columns of text, as wide as their widest cell; the last one is not padded. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [header, ...rows].map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** `name: value` lines with the values in one column; what has no value is left out. */
export function formatRecord(fields: readonly (readonly [string, string | undefined])[]): string[] {
  const shown = fields.filter((field): field is readonly [string, string] => (field[1] ?? "") !== "");
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width + 1)} ${value}`);
}

const pad = (value: number, digits = 2): string => String(value).padStart(digits, "0");

/** An instant of the wire as the time of day here: `14:03:07.125`. */
export function clockTime(instant: string): string {
  const at = new Date(instant);
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`;
}

/** `2026-05-01 14:03:07`, here. */
export function dateTime(instant: string): string {
  const at = new Date(instant);
  return `${String(at.getFullYear())}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clockTime(instant).slice(0, 8)}`;
}

/** `0.25 s`, `12.3 s`, `4 min`. */
export function formatDuration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  return ms < 120_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000).toFixed(0)} min`;
}

/** How a jet without a state is shown. */
export const NO_STATE = "—";
