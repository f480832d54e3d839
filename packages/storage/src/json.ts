const decoder = new TextDecoder();

/** What a message of our own says; throws where it is no JSON. A copy of the bytes is not made. */
export const parseJson = (data: Uint8Array): unknown => JSON.parse(decoder.decode(data));

/** The same; undefined for what is no JSON, as the broker's own word that nobody listens. */
export function readJson(data: Uint8Array): unknown {
  try {
    return parseJson(data);
  } catch {
    return undefined;
  }
}
