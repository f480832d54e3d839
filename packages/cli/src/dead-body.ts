/**
 * The body of a dead letter for a person: as text where it is text, else in hex. It may be anything that anybody sent,
 * so nothing of it reaches the terminal that a terminal would act on.
 */
export function bodyLines(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return [];
  const text = asText(bytes);
  return text === undefined ? hexLines(bytes) : text.replace(/\n$/, "").split(/\r?\n/);
}

function asText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return CONTROL.test(text.replace(/[\t\n]|\r\n/g, "")) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** C0, DEL and C1, and what turns the direction of writing round. */
const CONTROL = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

const PER_LINE = 16;

/** `00000010  7b 22 61 22 …  |{"a"…|` */
function hexLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += PER_LINE) {
    const row = [...bytes.subarray(at, at + PER_LINE)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const shown = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(PER_LINE * 3 - 1)}  |${shown}|`);
  }
  return lines;
}

/** One line of what somebody else sent, as a subject or a header, with what a terminal would act on spelt out. */
export const printable = (text: string): string =>
  text.replace(
    new RegExp(CONTROL, "gu"),
    (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
