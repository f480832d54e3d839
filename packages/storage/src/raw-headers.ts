import type { Msg } from "@nats-io/nats-core";

/**
 * The headers of a message, read where they lie. The client's own take 15 µs a message, for they are decoded,
 * checked and put in canonical form; followers of a busy bucket look at two or three of them in each of thousands.
 */
export interface RawHeaders {
  /** By its exact name; undefined where it is not there. */
  get(name: string): string | undefined;
}

/** Where the client keeps what it received. Another version of it may not: then its own headers are asked. */
interface Received {
  readonly _msg?: { readonly hdr?: number };
  readonly _rdata?: Uint8Array;
}

export function rawHeaders(message: Msg): RawHeaders {
  const { _msg: command, _rdata: bytes } = message as unknown as Received;
  const length = command?.hdr;
  if (length === undefined || bytes === undefined) {
    const { headers } = message;
    return { get: (name) => nonEmpty(headers?.get(name)) };
  }
  if (length <= 0) return NONE;
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, length).toString("latin1");
  return {
    get(name) {
      const at = block.indexOf(`\r\n${name}:`);
      if (at < 0) return undefined;
      const from = at + name.length + 3;
      return nonEmpty(block.slice(from, block.indexOf("\r\n", from)).trim());
    },
  };
}

const NONE: RawHeaders = { get: () => undefined };

/** The client gives "" for a header that is not there. */
export const nonEmpty = (value: string | undefined): string | undefined => (value === "" ? undefined : value);
