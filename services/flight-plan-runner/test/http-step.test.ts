import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, run } from "./step-bench.ts";

const servers: Server[] = [];

async function serve(listener: RequestListener, port = 0): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

describe("an http step", () => {
  it("sends what it was given, rendered, and prints the answer", async () => {
    const port = await serve((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += String(chunk)));
      request.on("end", () =>
        response.end(
          `${String(request.method)} ${String(request.url)} ${String(request.headers["x-jet"])} ${body}`,
        ),
      );
    });
    const { result, stdout } = await run(
      {
        http: {
          url: "http://127.0.0.1:{{ port }}/{{ jet.reference }}",
          method: "POST",
          headers: { "x-jet": "{{ jet.reference }}" },
          body: '{"port":{{ port }}}',
        },
      },
      { values: { port, jet: { reference: "web1" } } },
    );
    expect(stdout).toBe(`POST /web1 web1 {"port":${String(port)}}`);
    expect(result).toEqual({ outcome: "SUCCESS", tries: 1, status: 200 });
  });

  it("fails where the status is another than expected, and says both", async () => {
    const port = await serve((_request, response) => response.writeHead(503).end("down"));
    const url = `http://127.0.0.1:${String(port)}/`;
    const { result, stdout } = await run({ http: { url, expect: [200, 204] } });
    expect(stdout).toBe("down");
    expect(result).toEqual({
      outcome: "ERROR",
      tries: 1,
      status: 503,
      error: { code: "step_failed", message: `GET ${url} answered 503, expected 200 or 204` },
    });
  });

  it("takes a redirect for an answer of its own", async () => {
    const port = await serve((_request, response) => response.writeHead(302, { location: "/x" }).end());
    const { result } = await run({ http: { url: `http://127.0.0.1:${String(port)}/`, expect: 302 } });
    expect(result).toEqual({ outcome: "SUCCESS", tries: 1, status: 302 });
  });

  it("fails with the cause where nobody listens", async () => {
    const { result } = await run({ http: { url: `http://127.0.0.1:${String(await closedPort())}/` } });
    expect(result).toMatchObject({
      outcome: "ERROR",
      error: { code: "step_failed", message: expect.stringContaining("ECONNREFUSED") as string },
    });
  });

  it("fails where the answer breaks off", async () => {
    const port = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "10" }).write("half");
      setTimeout(() => response.destroy(), 20);
    });
    const { result, stdout } = await run({ http: { url: `http://127.0.0.1:${String(port)}/` } });
    expect(stdout).toBe("half");
    expect(result).toMatchObject({ outcome: "ERROR", status: 200, error: { code: "step_failed" } });
  });

  it("is out of its time where no answer comes, each try anew", async () => {
    let asked = 0;
    const port = await serve(() => (asked += 1));
    const { result } = await run({
      http: { url: `http://127.0.0.1:${String(port)}/` },
      timeout: 100,
      retry: { attempts: 2, backoff: 1 },
    });
    expect(result).toMatchObject({ outcome: "ERROR", tries: 2, error: { code: "step_timeout" } });
    expect(asked).toBe(2);
  });

  it("ends at once when its signal fires", async () => {
    const abort = new AbortController();
    const port = await serve(() => abort.abort());
    const { result } = await run(
      { http: { url: `http://127.0.0.1:${String(port)}/` } },
      { signal: abort.signal },
    );
    expect(result).toMatchObject({ outcome: "ERROR", tries: 1, error: { code: "canceled" } });
  });

  it("is tried until the server is up", async () => {
    const port = await closedPort();
    let isUp: Promise<number> | undefined;
    const { result, stdout } = await run(
      {
        http: { url: `http://127.0.0.1:${String(port)}/` },
        retry: { attempts: 100, backoff: 20, factor: 1 },
      },
      {
        // Asked for after each try that fails.
        random: () => {
          isUp ??= serve((_request, response) => response.end("up"), port);
          return 0;
        },
      },
    );
    await isUp;
    expect(result.outcome).toBe("SUCCESS");
    expect(result.tries).toBeGreaterThan(1);
    expect(stdout).toBe("up");
  });

  it("takes the beginning of an endless answer and leaves the rest", async () => {
    let isClosed = false;
    const port = await serve((_request, response) => {
      response.on("close", () => (isClosed = true));
      const more = (): void => {
        while (response.write(Buffer.alloc(10_000, "x")));
        response.once("drain", more);
      };
      more();
    });
    const { result, stdout } = await run({ http: { url: `http://127.0.0.1:${String(port)}/` } });
    expect(result).toEqual({ outcome: "SUCCESS", tries: 1, status: 200 });
    expect(stdout).toHaveLength(64 * 1024);
    await eventually(
      () => isClosed,
      (closed) => closed,
    );
  });

  it.each(["file:///etc/passwd", "data:text/plain,x", "127.0.0.1:80", "http://a:secret@127.0.0.1/"])(
    "refuses %s",
    async (url) => {
      const { result } = await run({ http: { url } });
      expect(result).toMatchObject({ outcome: "ERROR", tries: 0, error: { code: "step_failed" } });
      expect(JSON.stringify(result)).not.toContain("secret");
    },
  );
});

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const port = await serve(() => undefined);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return port;
}
