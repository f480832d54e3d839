/** Shorter ones would be found everywhere. */
const LEAST_BYTES = 4;
/** A line of a secret of several lines is one by itself: tools print keys line by line. */
const LEAST_LINE_CHARACTERS = 8;

/**
 * How a secret may turn up in what is printed or said: as it is, each of its lines, and as JSON, a shell, an address,
 * base64 and hexadecimal digits have it. What has made something else of it cannot be known.
 */
export function formsOfSecret(secret: string): Uint8Array[] {
  const lines = secret
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.length >= LEAST_LINE_CHARACTERS);
  const texts = [secret, secret.trim(), ...lines].flatMap(writtenForms);
  const whole = [secret, secret.trim()].flatMap(encodedForms);
  const forms = new Set([...texts, ...whole]);
  return [...forms].map((form) => Buffer.from(form)).filter(({ length }) => length >= LEAST_BYTES);
}

function writtenForms(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const encoded = encodeURIComponent(text.toWellFormed());
  return [
    text,
    json,
    // JSON within JSON, as in a log line that quotes an answer.
    JSON.stringify(json).slice(1, -1),
    text.replaceAll("'", "'\\''"),
    encoded,
    encoded.replaceAll(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()),
    new URLSearchParams([["", text]]).toString().slice(1),
    inAddress(
      text,
      (part) => `http://a/${part}x`,
      ({ pathname }) => pathname.slice(1, -1),
    ),
    inAddress(
      text,
      (part) => `http://a/?${part}x`,
      ({ search }) => search.slice(1, -1),
    ),
  ];
}

/** As an address has it behind its host: some characters are encoded there, others not, and in a query again others. */
function inAddress(text: string, around: (part: string) => string, of: (url: URL) => string): string {
  const known = new Map<string, string>();
  return Array.from(text, (character) => {
    if (/[\w.~-]/.test(character)) return character;
    const form = known.get(character) ?? (of(new URL(around(character))) || character);
    known.set(character, form);
    return form;
  }).join("");
}

function encodedForms(text: string): string[] {
  const bytes = Buffer.from(text);
  const base64 = [bytes.toString("base64"), ...[0, 1, 2].map((offset) => base64Behind(bytes, offset))];
  const hex = bytes.toString("hex");
  return [
    ...base64,
    ...base64.map((form) => form.replaceAll("+", "-").replaceAll("/", "_")),
    hex,
    hex.toUpperCase(),
  ];
}

/**
 * Base64 of something that has the secret within, `offset` bytes (of three) behind its beginning: without the characters at
 * either end that hang on what is beside it, as of `user:` before a password.
 */
function base64Behind(bytes: Buffer, offset: number): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString("base64")
    .replaceAll("=", "");
  const whole = Math.floor(((offset + bytes.length) * 8) / 6);
  return text.slice(Math.ceil((offset * 8) / 6), whole);
}
