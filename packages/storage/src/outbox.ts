import type { NatsConnection } from "@nats-io/nats-core";

/**
 * What goes out, gathered during one turn of the event loop and given to the client as one piece. The client's own
 * `publish` encodes command, headers and body apart, copies them together and sends at the next microtask; a handler
 * that awaits between two publishes costs a system call for each. Here a message is a piece of text that is appended,
 * encoded once with whatever else the turn says, and sent when the turn is over (ADR 0021).
 */
export interface Outbox {
  /**
   * `headers`: a header block, or "" for none; `reply`: "" for none. Throws where the broker takes no message of this
   * size, and for a subject that is none.
   */
  publish(subject: string, body: string | Uint8Array, reply: string, headers: string): void;
  /** Gives what is gathered to the client now: before the connection is drained. */
  flush(): void;
}

/** The one thing of the client's inside that is used; that it is there is asserted when a connection is made. */
interface Protocol {
  sendCommand(command: string, ...rest: Uint8Array[]): void;
}

/** More than this is not gathered: it is sent at once. */
const MOST_GATHERED = 256 * 1024;
const DEFAULT_MAX_PAYLOAD = 1024 * 1024;

export function createOutbox(nc: NatsConnection): Outbox {
  const { protocol } = nc as unknown as { readonly protocol?: Protocol };
  if (typeof protocol?.sendCommand !== "function")
    throw new Error("this version of the NATS client has no sendCommand");
  let gathered = "";
  let isDue = false;

  const flush = (): void => {
    if (gathered === "") return;
    const text = gathered;
    gathered = "";
    if (!nc.isClosed()) protocol.sendCommand(text);
  };
  const onTurnOver = (): void => {
    isDue = false;
    flush();
  };

  return {
    flush,
    publish(subject, body, reply, headers) {
      if (subject === "" || /\s/.test(subject) || /\s/.test(reply))
        throw new TypeError(`not a subject: ${JSON.stringify(subject)} ${JSON.stringify(reply)}`);
      const size = typeof body === "string" ? Buffer.byteLength(body) : body.length;
      const head = headers === "" ? 0 : Buffer.byteLength(headers);
      const whole = head + size;
      if (whole > (nc.info?.max_payload ?? DEFAULT_MAX_PAYLOAD))
        throw new RangeError(`${String(whole)} bytes are more than the broker takes`);
      const to = reply === "" ? subject : `${subject} ${reply}`;
      const command =
        headers === "" ? `PUB ${to} ${String(whole)}\r\n` : `HPUB ${to} ${String(head)} ${String(whole)}\r\n`;
      if (typeof body !== "string") {
        // Raw bytes, which are no text: in their place, behind what was gathered.
        flush();
        protocol.sendCommand(command + headers, body, CRLF);
        return;
      }
      gathered += `${command}${headers}${body}\r\n`;
      if (gathered.length > MOST_GATHERED) flush();
      else if (!isDue) {
        isDue = true;
        setImmediate(onTurnOver);
      }
    },
  };
}

const CRLF = Buffer.from("\r\n");
