import { TemplateError } from "@jetmesh/flight-plan";
import type { HttpRequest } from "@jetmesh/protocol";
import type { Renders } from "./renders.ts";
import type { Attempt, Output, TryResult } from "./step-context.ts";
import { unlessAborted } from "./time-limit.ts";

const MAX_BODY_BYTES = 64 * 1024;

interface Prepared {
  readonly url: URL;
  readonly init: RequestInit;
  readonly expect: readonly number[];
}

/** An http step, rendered; throws a TemplateError. */
export function prepareHttp(
  request: HttpRequest,
  output: Output,
  { renderSecret: render }: Renders,
): Attempt {
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
    name,
    render(`http.headers.${name}`, value),
  ]);
  const url = httpUrl(render("http.url", request.url));
  const prepared: Prepared = {
    url,
    init: {
      method: request.method,
      headers,
      // What is expected is the answer of this address, which may be a redirect.
      redirect: "manual",
      ...(request.body === undefined ? {} : { body: render("http.body", request.body) }),
    },
    expect: [request.expect].flat(),
  };
  return (signal) => askOnce(prepared, output, signal);
}

async function askOnce(
  { url, init, expect }: Prepared,
  output: Output,
  signal: AbortSignal,
): Promise<TryResult> {
  const request = `${init.method ?? "GET"} ${url.href}`;
  let status: number | undefined;
  try {
    const response = await fetch(url, { ...init, signal });
    status = response.status;
    await handOver(response, output, signal);
  } catch (error) {
    const answered = status === undefined ? {} : { status };
    if (signal.aborted) return { ...answered, cut: true, failure: `${request} was ended` };
    return { ...answered, failure: `${request}: ${reasonOf(error)}` };
  }
  if (expect.includes(status)) return { status };
  return { status, failure: `${request} answered ${String(status)}, expected ${expect.join(" or ")}` };
}

/** The beginning of the body is the step's output; the rest is not fetched. */
async function handOver(response: Response, output: Output, signal: AbortSignal): Promise<void> {
  if (response.body === null) return;
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let left = MAX_BODY_BYTES;
  try {
    while (left > 0) {
      const { value } = await reader.read();
      if (value === undefined) return;
      const chunk = value.subarray(0, left);
      left -= chunk.length;
      await unlessAborted(Promise.resolve(output("stdout", chunk)), signal);
      signal.throwIfAborted();
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** `fetch` knows other schemes too, which are no requests, and refuses credentials with a message that has them. */
function httpUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new TemplateError(`http.url: '${text}' is no http or https address`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new TemplateError("http.url: has credentials; they belong into the header 'authorization'");
  }
  return url;
}

/** `fetch failed` says nothing; its cause does, and where several addresses were tried, the first of theirs. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (error.cause !== undefined) return reasonOf(error.cause);
  const code = (error as NodeJS.ErrnoException).code;
  return code === undefined || error.message.includes(code) ? error.message : `${code}: ${error.message}`;
}
