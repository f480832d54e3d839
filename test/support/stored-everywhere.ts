import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** How a text could lie somewhere: as it is, in base64 of any offset, in hexadecimal digits. */
function formsOf(text: string): [string, Buffer][] {
  const bytes = Buffer.from(text);
  const base64 = [0, 1, 2].map((offset): [string, Buffer] => {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    return [`base64+${String(offset)}`, Buffer.from(whole.slice(4, Math.floor((bytes.length * 8) / 6)))];
  });
  return [["plain", bytes], ...base64, ["hex", Buffer.from(bytes.toString("hex"))]];
}

/** The files of a folder, however deep, that hold a text in any form. */
export function filesWith(folder: string, text: string): string[] {
  const forms = formsOf(text);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const file = join(entry.parentPath, entry.name);
      const bytes = readFileSync(file);
      return forms.filter(([, form]) => bytes.includes(form)).map(([form]) => `${file}: ${form}`);
    });
}

/** In which forms a text holds another. */
export const formsIn = (text: string, looked: string): string[] =>
  formsOf(looked)
    .filter(([, form]) => Buffer.from(text).includes(form))
    .map(([form]) => form);
